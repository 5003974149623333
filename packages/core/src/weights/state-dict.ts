import { UserError } from '../system/user-error';
import type { ExternalTensors } from './external-tensor';
import {
  described,
  dictsOfTensors,
  joined,
  listsOfTensors,
  type NetworkInFile,
  networkPrefixes,
  networksIn,
  type StateDict,
  topName,
  under,
  withoutWrappers,
} from './networks-in-file';
import { type Refuse, shown } from './refusal';
import { givesEmbeddings, isTeacherHead, withoutExtras } from './training-extras';

/** Averages of weights: timm's `state_dict_ema`, torchvision's `model_ema`, stochastic weight averaging. */
const average = /(^|[._-])(ema|swa|avg|averaged?|averaging|shadow)(?=$|[._-])|ema$/i;
/** Copies that momentum moves behind the network that is trained: MoCo's, BYOL's. */
const follower =
  /(^|[._-])(encoder_k|key_encoder|momentum_(encoder|backbone|net)|target_(encoder|network|net))(?=$|[.])/i;

const teacher = /(^|\.)(teacher|model_t|net_t|t_model|t_net|teacher_model|model_teacher|teacher_net)$/i;

/** Neither an average of another network's weights nor a copy that follows them. */
const isTrained = ({ label }: NetworkInFile): boolean => !average.test(label) && !follower.test(label);

/**
 * A network's tensors in the contents of a file: the file itself, or a dict of tensors in it (`state_dict`, `model`).
 * Of a network and its average, the network is taken.
 * @param choice selects one of several: `ema`, `model`, a key, a path ('ema.model'), or a prefix of names ('student')
 * @throws UserError that lists the choices
 */
export function findStateDict(content: unknown, choice: string | undefined, refuse: Refuse): StateDict {
  const dicts = dictsOfTensors(content);
  const lists = listsOfTensors(content).map((path) => `${shown(path)} is a list of tensors without names`);
  if (dicts.size === 0) throw refuse(['it holds no dict of tensors', ...lists].join('; '));
  const ofInsightface = choice === undefined ? insightfaceNetwork(dicts) : undefined;
  if (ofInsightface) return { tensors: ofInsightface, notes: [] };
  const networks = networksIn(dicts);
  const all = networks.length > 0 ? networks : [...dicts].map(([label, tensors]) => ({ label, tensors }));
  if (choice !== undefined) {
    const chosen = named(choice, dicts, all, (why) => refuse([why, ...lists].join('; ')));
    if (networks.length === 0 || !isClassifier(chosen.tensors)) return withoutExtras(chosen, false);
    // Beside a student and its teacher, the head is for the student.
    const students = all.filter(({ label }) => !teacher.test(label));
    const { tensors, notes } = preferred(students.length > 0 ? students : all, refuse, false);
    const columns = chosen.tensors.get('weight')?.shape[1] ?? 0;
    if (!givesEmbeddings(tensors, columns)) {
      throw refuse(
        `${shown(chosen.label)} classifies embeddings of length ${columns}, which its network does not give; leave --state-dict out to read the network with its own classifier`,
      );
    }
    return {
      tensors: underHead(tensors, chosen.tensors),
      notes: [...notes, `its classifier is ${shown(chosen.label)}`],
    };
  }
  const { tensors, notes } = preferred(all, refuse);
  return { tensors, notes: [...notes, ...lists.map((list) => `${list}, which no network can be read from`)] };
}

/**
 * For a file that holds one network.
 * @param kind 'an ONNX model' @throws UserError when --state-dict should choose among several
 */
export function requireNoChoice(file: string, kind: string, choice: string | undefined): void {
  if (choice === undefined) return;
  throw new UserError(
    `--state-dict=${choice} has nothing to choose in ${file}: it is ${kind}, which holds one network. Leave the option out for this file.`,
  );
}

/** The network that is clearly meant. */
function preferred(all: readonly NetworkInFile[], refuse: Refuse, advise = true): StateDict {
  const trained = all.filter(isTrained);
  const [only] = all.length === 1 ? all : trained;
  if (!only || (all.length > 1 && trained.length > 1)) {
    const head = all.flatMap(({ beside = [] }) => beside).find(isTeacherHead);
    const ofHead = head && `; beside them is ${shown(head.replace(/\.(weight|bias)$/, ''))}, a teacher's classifier`;
    throw refuse(
      `it holds several networks, and --state-dict=NAME must choose one: ${all.slice(0, 8).map(described).join(', ')}${all.length > 8 ? ` and ${all.length - 8} more` : ''}${ofHead ?? ''}`,
    );
  }
  const { tensors, notes } = withoutExtras(only, advise);
  const others = all.filter((one) => one !== only);
  if (others.length === 0) return { tensors, notes };
  const averages = others.filter(({ label }) => average.test(label));
  const how = averages.length === 1 ? '--state-dict=ema' : `--state-dict=${optionValue(others[0] as NetworkInFile)}`;
  return {
    tensors,
    notes: [`reads ${described(only)}; beside it is ${others.map(described).join(', ')}, which ${how} reads`, ...notes],
  };
}

/** The name of a network, quoted where a shell would split it. */
function optionValue({ label }: NetworkInFile): string {
  const name = label === '' ? topName : shown(label);
  return name.includes(' ') ? `'${name}'` : name;
}

/** The network that a user names: as errors list it, else without the parts of the name that wrappers add. */
function named(
  choice: string,
  dicts: ReadonlyMap<string, ExternalTensors>,
  all: readonly NetworkInFile[],
  refuse: Refuse,
): NetworkInFile {
  const listed = all.find(({ label }) => [label, shown(label)].includes(choice));
  if (listed && choice !== '') return listed;
  const wanted = withoutWrappers(choice.replace(/\.+$/, ''));
  const top = all.find(({ label }) => label === '') ?? (all.length === 1 ? all[0] : undefined);
  if (top && (wanted === '' || wanted === topName)) return top;
  const whole = [...dicts].map(([label, tensors]) => ({ label, tensors }));
  const same = (a: string, b: string) => a.toLowerCase() === b.toLowerCase();
  const parts = [...dicts].flatMap(([path, dict]) => {
    const prefix = path !== '' && wanted.startsWith(`${path}.`) ? wanted.slice(path.length + 1) : wanted;
    const tensors = under(dict, `${prefix}.`);
    return tensors.size > 0 ? [{ label: joined(path, prefix), tensors }] : [];
  });
  const segments = ({ label }: NetworkInFile) => `.${label}.`.toLowerCase().includes(`.${wanted.toLowerCase()}.`);
  const ways: readonly (readonly NetworkInFile[])[] = [
    [...whole, ...all].filter(({ label }) => label === wanted).slice(0, 1),
    parts,
    [...whole, ...all].filter(({ label }) => same(label, wanted)).slice(0, 1),
    all.filter(segments),
    /^(ema|swa|average|averaged)$/i.test(wanted) ? all.filter(({ label }) => average.test(label)) : [],
    /^(model|raw|weights|state_dict)$/i.test(wanted) ? all.filter(isTrained) : [],
  ];
  const matching = ways.find((some) => some.length > 0) ?? [];
  const trained = matching.filter(isTrained);
  const found = trained.length === 1 ? trained : matching;
  const [chosen] = found;
  if (chosen && found.length === 1) return chosen;
  const wrong = chosen ? `several networks called ${shown(wanted)}` : `no tensors called ${shown(wanted)}`;
  const list = chosen ? found : [...all, ...(all.length === 1 ? groupsOf(all[0] as NetworkInFile) : [])];
  throw refuse(`it has ${wrong}; there are ${list.slice(0, 8).map(described).join(', ')}`);
}

/** What a dict holds under the prefix of its network, if there is one. */
function groupsOf({ label, tensors }: NetworkInFile): NetworkInFile[] {
  const [prefix = ''] = networkPrefixes(tensors);
  return prefix === '' ? [] : [{ label: joined(label, prefix), tensors: under(tensors, prefix) }];
}

/** Whether these are a linear layer alone: the teacher's head beside a student. */
function isClassifier(tensors: ExternalTensors): boolean {
  const weight = tensors.get('weight');
  return weight?.shape.length === 2 && tensors.size <= 2 && (tensors.size === 1 || tensors.has('bias'));
}

/** A network with another classifier instead of its own, which has the same shape. */
function underHead(network: ExternalTensors, head: ExternalTensors): ExternalTensors {
  const shape = head.get('weight')?.shape.join();
  const own = [...network].filter(([name, tensor]) => name.endsWith('.weight') && tensor.shape.join() === shape);
  const layers = new Set(own.map(([name]) => name.replace(/weight$/, '')));
  const kept = [...network].filter(([name]) => !layers.has(name.replace(/(weight|bias)$/, '')));
  const [prefix = ''] = networkPrefixes(network);
  return new Map([...kept, ...[...head].map(([part, tensor]) => [`${prefix}head.${part}`, tensor] as const)]);
}

/** The key of the class centres in insightface's checkpoint_gpu_0.pt (arcface_torch/train_v2.py). */
export const insightfaceCentres = 'state_dict_softmax_fc';

/** insightface's backbone with the class centres as its head; undefined for other files. */
function insightfaceNetwork(dicts: ReadonlyMap<string, ExternalTensors>): ExternalTensors | undefined {
  const backbone = dicts.get('state_dict_backbone');
  const centres = dicts.get(insightfaceCentres)?.get('weight');
  if (!backbone || !centres || dicts.size > 2) return undefined;
  return new Map([...backbone, ['head.weight', centres]]);
}
