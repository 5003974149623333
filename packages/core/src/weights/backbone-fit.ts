import type { BackboneDefinition } from '../nn/backbone';
import type { ExternalTensor, ExternalTensors } from './external-tensor';
import { type NetworkSizes, publishedSizes, type SizeHints, shapesAt, sizesFromShapes } from './network-sizes';
import { optionAShortcuts } from './option-a';
import type { ParameterShapes } from './parameter-shapes';

export interface Classifier {
  /** Its name in the file. */
  readonly name: string;
  /** [classes, embedding] */
  readonly weight: ExternalTensor;
  readonly bias: ExternalTensor | undefined;
}

/** The comparison of a file's tensors with a backbone's variables. */
export interface BackboneFit {
  readonly definition: BackboneDefinition;
  /** Found from the file's shapes, where they were not given. */
  readonly sizes: NetworkSizes;
  readonly embeddingSize: number;
  /** The matched tensors, by our names. */
  readonly found: ExternalTensors;
  /** The prefix of all matched names in the file. */
  readonly prefix: string;
  /** Other prefixes that match as many names, which makes the choice ambiguous. */
  readonly rivals: readonly string[];
  readonly missing: readonly string[];
  /** The tensors whose shapes differ. */
  readonly misshapen: readonly {
    readonly name: string;
    readonly file: readonly number[];
    readonly own: readonly number[];
  }[];
  readonly classifier: Classifier | undefined;
  /** The file's names that belong to neither backbone nor classifier. */
  readonly left: readonly string[];
  /** Sentences for the log: what was added to the file's tensors. */
  readonly notes: readonly string[];
}

const optionANote =
  "has shortcuts without parameters (option A): read as 1x1 convolutions that do the same; published ones of CIFAR-10 need ImageNet's normalisation";

// Enough for 'module.student.backbone.'.
const deepestPrefix = 4;

/** The classifier's name in the reference's state dict; 'head' where the backbone has a layer of that name (insightface's `fc`). */
export function classifierName({ classifier = 'fc' }: BackboneDefinition, { backbone }: ParameterShapes): string {
  return backbone.has(`${classifier}.weight`) ? 'head' : classifier;
}

/** Batch norm's counts of batches, which no network reads. */
const counts = /(^|\.)num_batches_tracked$/;

/**
 * Compares a file's tensors with a backbone.
 * @param from where its sizes come from. published: `hints`, or the published ones; file: those that the shapes in the file tell
 */
export function fitBackbone(
  tensors: ExternalTensors,
  definition: BackboneDefinition,
  hints: SizeHints,
  from: 'published' | 'file',
): BackboneFit {
  const names = [...tensors.keys()].filter((name) => !counts.test(name));
  const published = publishedSizes(definition, hints);
  const [prefix = '', ...rivals] = commonPrefixes(names, shapesAt(definition, published));
  const inFile = (name: string) => tensors.get(prefix + name)?.shape;
  const sizes = from === 'file' ? sizesFromShapes(inFile, definition, hints) : published;
  const shapes = shapesAt(definition, sizes);
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
  const classifier = findClassifier(tensors, taken, prefix, classifierName(definition, shapes), shapes.embeddingSize);
  if (classifier) for (const part of ['weight', 'bias']) taken.add(`${classifier.name}.${part}`);
  const left = names.filter((name) => !taken.has(name));
  const { embeddingSize } = shapes;
  const fit = {
    definition,
    sizes,
    embeddingSize,
    found,
    prefix,
    rivals,
    missing,
    misshapen,
    classifier,
    left,
    notes: [],
  };
  // CIFAR's networks with this name for their classifier have shortcuts without parameters.
  const isOptionA = definition.inputSize === 32 && classifier?.name.endsWith('linear') && left.length === 0;
  const shortcuts = isOptionA ? optionAShortcuts(missing, shapes.backbone) : undefined;
  return shortcuts ? { ...fit, found: new Map([...found, ...shortcuts]), missing: [], notes: [optionANote] } : fit;
}

/** The prefixes of the backbone's names that the most of `names` have, the shortest first. */
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

/** Other names of classifiers: timm's, OpenMMLab's, those of CIFAR networks. */
const otherClassifiers = ['fc', 'linear', 'classifier', 'head.fc', 'classifier.1', 'last_linear', 'cls_head.fc'];

/**
 * Looks beside the backbone's names and further up: a wrapped backbone has its classifier outside.
 * @param embeddingSize that another layer than `own` must read
 */
function findClassifier(
  tensors: ExternalTensors,
  taken: ReadonlySet<string>,
  prefix: string,
  own: string,
  embeddingSize: number,
): Classifier | undefined {
  const parents = prefix.split('.').map((_, depth, parts) => parts.slice(0, parts.length - 1 - depth).join('.'));
  const layers = [[own, 'head'], otherClassifiers];
  for (const [index, some] of layers.entries()) {
    for (const parent of parents) {
      for (const layer of some) {
        const name = parent === '' ? layer : `${parent}.${layer}`;
        const weight = tensors.get(`${name}.weight`);
        if (!weight || taken.has(`${name}.weight`)) continue;
        if (index > 0 && (weight.shape.length !== 2 || weight.shape[1] !== embeddingSize)) continue;
        return { name, weight, bias: tensors.get(`${name}.bias`) };
      }
    }
  }
  return undefined;
}
