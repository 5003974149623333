import type { ExternalTensors } from './external-tensor';
import { type NetworkInFile, networkPrefixes, type StateDict } from './networks-in-file';
import { shown } from './refusal';

/** A teacher's classifier that a student was trained under: HeadSharingKD's TH-KD saves it beside the student. */
const teacherHead = /^(t_head|head_t|teacher_head|teacher_fc)\.(weight|bias)$/;
/** State of a training that no network computes with: MoCo's queue, losses and metrics with buffers. */
const trainingState =
  /^((queue|queue_ptr|n_averaged|ptr)$|(criterion|criterions?|loss|losses|loss_fn|metrics?|accuracy|(train|val|valid|test)_(acc|accuracy|metrics?|loss))(\.|$)|\w+_(loss|criterion)(\.|$))/;

/**
 * Leaves out what a training keeps beside its network, and says so.
 * @param advise adds how a teacher's head is read
 */
export function withoutExtras({ tensors, beside = [] }: NetworkInFile, advise: boolean): StateDict {
  const prefixes = networkPrefixes(tensors).filter((prefix) => prefix !== '');
  // Names within the network are never extras; those beside a prefix may have a part of it in front.
  const own = (name: string) => prefixes.some((prefix) => name.startsWith(prefix));
  const outer = (prefixes[0] ?? '').split('.').slice(0, -2).join('.');
  const bare = (name: string) => (outer !== '' && name.startsWith(`${outer}.`) ? name.slice(outer.length + 1) : name);
  const names = [...tensors.keys()].filter((name) => !own(name));
  const heads = [...names, ...beside].filter((name) => teacherHead.test(bare(name)));
  const state = names.filter((name) => trainingState.test(bare(name)));
  const left = new Set([...heads, ...state]);
  const others = beside.filter((name) => !left.has(name));
  if (left.size + others.length === 0) return { tensors, notes: [] };
  const [head] = heads;
  const layer = head === undefined ? undefined : shown(head.replace(/\.(weight|bias)$/, ''));
  const weight = tensors.get(`${head?.replace(/\.(weight|bias)$/, '')}.weight`);
  const fits = !weight || givesEmbeddings(tensors, weight.shape[1] ?? 0);
  const advice = fits
    ? `; --state-dict=${layer} reads the network under it`
    : ` of embeddings of length ${weight.shape[1]}, which this network does not give`;
  const how = advise && layer !== undefined ? advice : '';
  const ofHead = layer === undefined ? [] : [`leaves out ${layer}, its teacher's classifier${how}`];
  const rest = state.filter((name) => !name.endsWith('n_averaged'));
  const ofState =
    rest.length === 0 ? [] : [`leaves out ${rest.slice(0, 4).map(shown).join(', ')}, which only trainings use`];
  const more = others.length > 4 ? ` and ${others.length - 4} more` : '';
  const ofOthers =
    others.length === 0 ? [] : [`leaves out ${others.slice(0, 4).map(shown).join(', ')}${more}: no network has them`];
  return {
    tensors: new Map([...tensors].filter(([name]) => !left.has(name))),
    notes: [...ofHead, ...ofState, ...ofOthers],
  };
}

const classifiers = /(^|\.)(fc|linear|classifier|last_linear|head)\.weight$/;

/** Whether a network's own classifier reads embeddings of this length; where it has none, whether any layer gives such. */
export function givesEmbeddings(tensors: ExternalTensors, length: number): boolean {
  const all = [...tensors].filter(([name]) => !isTeacherHead(name));
  const own = all.filter(([name, { shape }]) => classifiers.test(name) && shape.length === 2);
  if (own.length > 0) return own.some(([, { shape }]) => shape[1] === length);
  return all.some(([, { shape }]) => shape.length === 1 && shape[0] === length);
}

/** Whether a name is that of a teacher's classifier, whatever stands in front of it. */
export const isTeacherHead = (name: string): boolean => teacherHead.test(name.split('.').slice(-2).join('.'));
