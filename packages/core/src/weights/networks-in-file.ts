/** Finds the networks in the contents of a file: dicts of tensors, and parts of them whose names share a prefix. */
import { backbones } from '../nn/registry';
import { type ExternalTensor, type ExternalTensors, isExternalTensor } from './external-tensor';
import { publishedSizes, shapesAt } from './network-sizes';
import { shown } from './refusal';
import { itemsOf } from './torch/pickle-values';

export interface NetworkInFile {
  /** Keys that lead to its dict, and the prefix of its names in there: `ema.model`, `state_dict.student`; '' at the top. */
  readonly label: string;
  readonly tensors: ExternalTensors;
  /** Where one dict holds several networks: the names in it that belong to none. */
  readonly beside?: readonly string[];
}

export interface StateDict {
  readonly tensors: ExternalTensors;
  /** Sentences for the log: what else the file holds, and how to choose it. */
  readonly notes: readonly string[];
}

// The other contents of checkpoints that have tensors.
const notWeights = /^(optim|sched|lr_|amp|scaler|hyper|rng|callbacks|loops)/i;
/** What optimisers keep for each weight, as a key or as a part of names. */
const optimiserState =
  /(^|\.)((optim|optimi[sz]er)s?(_states?)?|(max_)?exp_avgs?(_sq|_sqs|_max)?|momentum_(buffer|buf)s?|square_avg|acc_delta|grad_avg|grads?|state_optimizer|\w+_optimi[sz]er(_state)?)(?=\.|$)/i;
const deepest = 4;
const mostItems = 64;

/** By path. A dict that contains dicts of tensors does not count itself: its tensors are a best accuracy and the like. */
export function dictsOfTensors(content: unknown): Map<string, ExternalTensors> {
  const found = new Map<string, ExternalTensors>();
  // A pickle may hold the same dict many times, or in itself.
  const seen = new Set<unknown>();
  const search = (value: unknown, path: string, depth: number): boolean => {
    const entries =
      value instanceof Map
        ? value
        : itemsOf(value)
            ?.slice(0, mostItems)
            .map((one, i) => [`${i}`, one]);
    if (!entries || depth > deepest || seen.has(value)) return false;
    seen.add(value);
    let nested = false;
    const tensors = new Map<string, ExternalTensor>();
    for (const [key, item] of entries as Iterable<[unknown, unknown]>) {
      if (typeof key !== 'string') continue;
      if (isExternalTensor(item)) {
        if (!optimiserState.test(key)) tensors.set(key, item);
      } else if (!notWeights.test(key) && !optimiserState.test(key))
        nested = search(item, path === '' ? key : `${path}.${key}`, depth + 1) || nested;
    }
    const isDict = value instanceof Map && tensors.size > 0;
    const own = unwrapped(tensors);
    if (isDict && (!nested || networkPrefixes(own).length > 0)) found.set(path, own);
    return nested || isDict;
  };
  search(content, '', 0);
  return found;
}

/** Lists of tensors, by path, such as torch_ema's `shadow_params`: without names they fit no network. */
export function listsOfTensors(content: unknown, path = '', depth = 0): string[] {
  if (!(content instanceof Map) || depth > 2) return [];
  return [...(content as Map<unknown, unknown>)].flatMap(([key, item]) => {
    if (typeof key !== 'string' || notWeights.test(key) || optimiserState.test(key)) return [];
    const own = path === '' ? key : `${path}.${key}`;
    const isList = (itemsOf(item) ?? []).filter(isExternalTensor).length >= fewestTensors;
    return isList ? [own] : listsOfTensors(item, own, depth + 1);
  });
}

/** Parts of names that wrappers of PyTorch add: data parallelism, compilation, checkpointing. */
const wrappers = new Set(['module', '_orig_mod', '_fsdp_wrapped_module', '_checkpoint_wrapped_module']);

/** The name without the parts that wrappers add. */
export const withoutWrappers = (name: string): string =>
  name
    .split('.')
    .filter((part) => !wrappers.has(part))
    .join('.');

function unwrapped(tensors: ExternalTensors): ExternalTensors {
  const renamed = new Map([...tensors].map(([name, tensor]) => [withoutWrappers(name), tensor]));
  return renamed.size === tensors.size ? renamed : tensors;
}

let known: ReadonlySet<string> | undefined;

/** The names of the variables of all backbones. */
function knownNames(): ReadonlySet<string> {
  known ??= new Set(
    backbones.all.flatMap((definition) => [...shapesAt(definition, publishedSizes(definition, {})).backbone.keys()]),
  );
  return known;
}

// The smallest network has 35 tensors; blocks of unknown networks have fewer, with names like those of a whole network.
const fewestTensors = 20;

/**
 * The prefixes, each with a dot at its end, under which a dict holds networks with names that are known here.
 */
export function networkPrefixes(tensors: ExternalTensors): string[] {
  const names = knownNames();
  const counts = new Map<string, number>();
  for (const name of tensors.keys()) {
    let start = 0;
    for (let depth = 0; depth <= deepest && start >= 0; depth++) {
      if (names.has(name.slice(start))) {
        const prefix = name.slice(0, start);
        counts.set(prefix, (counts.get(prefix) ?? 0) + 1);
        break;
      }
      start = name.indexOf('.', start) + 1 || -1;
    }
  }
  return [...counts].filter(([, count]) => count >= fewestTensors).map(([prefix]) => prefix);
}

/** The tensors whose names start with `prefix`, without it. */
export function under(dict: ExternalTensors, prefix: string): ExternalTensors {
  const inside = [...dict].filter(([name]) => name.startsWith(prefix));
  return new Map(inside.map(([name, tensor]) => [name.slice(prefix.length), tensor]));
}

/** The tensors under a prefix that are not under a longer one of the prefixes. */
function ownUnder(dict: ExternalTensors, prefix: string, prefixes: readonly string[]): ExternalTensors {
  const inner = prefixes.filter((other) => other !== prefix && other.startsWith(prefix));
  return under(new Map([...dict].filter(([name]) => !inner.some((one) => name.startsWith(one)))), prefix);
}

/** All networks in a file's dicts. The only one of a dict keeps the tensors beside it: its classifier may be there. */
export function networksIn(dicts: ReadonlyMap<string, ExternalTensors>): NetworkInFile[] {
  return [...dicts].flatMap(([path, dict]) => {
    const prefixes = networkPrefixes(dict);
    if (prefixes.length === 1) return [{ label: path, tensors: dict }];
    const beside = [...dict.keys()].filter((name) => !prefixes.some((prefix) => name.startsWith(prefix)));
    return prefixes.map((prefix) => {
      return { label: joined(path, prefix), tensors: ownUnder(dict, prefix, prefixes), beside };
    });
  });
}

/** What errors and --state-dict call the tensors that no key or prefix leads to. */
export const topName = 'top';

export const joined = (path: string, prefix: string): string =>
  [path, prefix.replace(/\.$/, '')].filter((part) => part !== '').join('.');

/** A network for errors and logs: `state_dict_ema (122 tensors, 278324 parameters)`. */
export function described({ label, tensors }: NetworkInFile): string {
  const counted = [...tensors.values()].filter(({ shape }) => shape.length > 0);
  const parameters = counted.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
  return `${label === '' ? topName : shown(label)} (${counted.length} tensors, ${parameters} numbers)`;
}
