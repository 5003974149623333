import { type ExternalTensor, type ExternalTensors, isExternalTensor } from './external-tensor';
import { type Refuse, shown } from './refusal';

// The other contents of checkpoints that have tensors.
const notWeights = /^(optim|sched|lr_|amp|scaler|hyper)/i;
const deepest = 4;

/**
 * A network's tensors in the contents of a file: the file itself, or the only dict of tensors in it (`state_dict`, `model`).
 * @param choice selects one of several: a path ('ema.model'), or the prefix of its names ('module.student')
 * @throws UserError that lists the choices
 */
export function findStateDict(content: unknown, choice: string | undefined, refuse: Refuse): ExternalTensors {
  const dicts = dictsOfTensors(content);
  const paths = [...dicts.keys()];
  if (choice !== undefined) {
    const chosen =
      dicts.get(choice) ?? [...dicts.values()].map((dict) => under(dict, `${choice}.`)).find(({ size }) => size);
    if (chosen) return chosen;
    throw refuse(`it has no tensors called ${shown(choice)}; there are ${listed(paths)}`);
  }
  const ofInsightface = insightfaceNetwork(dicts);
  if (ofInsightface) return ofInsightface;
  const [only] = dicts.values();
  if (!only) throw refuse('it holds no dict of tensors');
  if (dicts.size > 1) throw refuse(`it holds several dicts of tensors, and one must be chosen: ${listed(paths)}`);
  return only;
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

const listed = (paths: readonly string[]) =>
  paths
    .slice(0, 8)
    .map((path) => (path === '' ? 'those at its top' : shown(path)))
    .join(', ') + (paths.length > 8 ? ` and ${paths.length - 8} more` : '');

function under(dict: ExternalTensors, prefix: string): ExternalTensors {
  const inside = [...dict].filter(([name]) => name.startsWith(prefix));
  return new Map(inside.map(([name, tensor]) => [name.slice(prefix.length), tensor]));
}

/** By path. A dict that contains dicts of tensors does not count itself: its tensors are a best accuracy and the like. */
function dictsOfTensors(content: unknown): Map<string, ExternalTensors> {
  const found = new Map<string, ExternalTensors>();
  // A pickle may hold the same dict many times, or in itself.
  const seen = new Set<unknown>();
  const search = (value: unknown, path: string, depth: number): boolean => {
    if (!(value instanceof Map) || depth > deepest || seen.has(value)) return false;
    seen.add(value);
    let nested = false;
    const tensors = new Map<string, ExternalTensor>();
    for (const [key, item] of value) {
      if (typeof key !== 'string') continue;
      if (isExternalTensor(item)) tensors.set(key, item);
      else if (!notWeights.test(key)) nested = search(item, path === '' ? key : `${path}.${key}`, depth + 1) || nested;
    }
    if (!nested && tensors.size > 0) found.set(path, tensors);
    return nested || tensors.size > 0;
  };
  search(content, '', 0);
  return found;
}
