import type { BackboneDefinition } from '../nn/backbone';
import type { ExternalTensor } from './external-tensor';
import type { ParameterShapes } from './parameter-shapes';
import type { ExternalTensors } from './state-dict';

export interface Classifier {
  /** Its name in the file. */
  readonly name: string;
  /** [classes, embedding] */
  readonly weight: ExternalTensor;
  readonly bias: ExternalTensor | undefined;
}

/** How a file's tensors and a backbone's variables go together. */
export interface BackboneFit {
  readonly definition: BackboneDefinition;
  readonly embeddingSize: number;
  /** By our names. */
  readonly found: ExternalTensors;
  /** What all names that were found start with in the file. */
  readonly prefix: string;
  /** Other prefixes of as many names: then which is meant cannot be told. */
  readonly rivals: readonly string[];
  readonly missing: readonly string[];
  /** Shapes that differ. */
  readonly misshapen: readonly {
    readonly name: string;
    readonly file: readonly number[];
    readonly own: readonly number[];
  }[];
  readonly classifier: Classifier | undefined;
  /** Of the file's names, what belongs to neither backbone nor classifier. */
  readonly left: readonly string[];
}

// 'module.student.backbone.' and one more.
const deepestPrefix = 4;

/** The name in the reference's state dict, unless the backbone itself has a layer of that name (insightface's `fc`). */
export function classifierName({ classifier = 'fc' }: BackboneDefinition, { backbone }: ParameterShapes): string {
  return backbone.has(`${classifier}.weight`) ? 'head' : classifier;
}

/** Batch norm's count of batches is never read by a network. */
const counts = /(^|\.)num_batches_tracked$/;

export function fitBackbone(
  tensors: ExternalTensors,
  definition: BackboneDefinition,
  shapes: ParameterShapes,
): BackboneFit {
  const names = [...tensors.keys()].filter((name) => !counts.test(name));
  const [prefix = '', ...rivals] = commonPrefixes(names, shapes);
  const found = new Map<string, ExternalTensor>();
  const missing: string[] = [];
  const misshapen: { name: string; file: readonly number[]; own: readonly number[] }[] = [];
  for (const [name, own] of shapes.backbone) {
    const tensor = tensors.get(prefix + name);
    if (!tensor) missing.push(name);
    else if (tensor.shape.join() !== own.join()) misshapen.push({ name, file: tensor.shape, own });
    if (tensor) found.set(name, tensor);
  }
  const taken = new Set([...found.keys()].map((name) => prefix + name));
  const classifier = findClassifier(tensors, taken, prefix, classifierName(definition, shapes));
  if (classifier) for (const part of ['weight', 'bias']) taken.add(`${classifier.name}.${part}`);
  const left = names.filter((name) => !taken.has(name));
  const { embeddingSize } = shapes;
  return { definition, embeddingSize, found, prefix, rivals, missing, misshapen, classifier, left };
}

/** What the most of `names` have before a name of the backbone: the shortest first of those that are as good. */
function commonPrefixes(names: readonly string[], { backbone }: ParameterShapes): string[] {
  const matched = new Map<string, number>();
  for (const name of names) {
    let start = 0;
    for (let depth = 0; depth <= deepestPrefix; depth++) {
      if (backbone.has(name.slice(start))) {
        const prefix = name.slice(0, start);
        matched.set(prefix, (matched.get(prefix) ?? 0) + 1);
      }
      const dot = name.indexOf('.', start);
      if (dot < 0) break;
      start = dot + 1;
    }
  }
  const most = Math.max(0, ...matched.values());
  const best = [...matched].filter(([, count]) => count === most).map(([prefix]) => prefix);
  return best.includes('') ? [''] : best.sort((a, b) => a.length - b.length);
}

/** Beside the backbone's names or further up: a backbone in a wrapper has its classifier outside. */
function findClassifier(
  tensors: ExternalTensors,
  taken: ReadonlySet<string>,
  prefix: string,
  own: string,
): Classifier | undefined {
  const parents = prefix.split('.').map((_, depth, parts) => parts.slice(0, parts.length - 1 - depth).join('.'));
  for (const parent of parents) {
    for (const layer of [own, 'head']) {
      const name = parent === '' ? layer : `${parent}.${layer}`;
      const weight = tensors.get(`${name}.weight`);
      if (weight && !taken.has(`${name}.weight`)) return { name, weight, bias: tensors.get(`${name}.bias`) };
    }
  }
  return undefined;
}
