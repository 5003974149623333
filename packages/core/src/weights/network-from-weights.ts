import { buildNetwork, type NetworkDescription } from '../nn/network';
import type { Normalisation } from '../nn/normalisation';
import { heads } from '../nn/registry';
import { Scope } from '../nn/scope';
import { fromTorch } from '../nn/torch-layout';
import { type NamedValues, State } from '../runtime/state';
import { UserError } from '../system/user-error';
import type { BackboneFit, Classifier } from './backbone-fit';
import { type BackboneHints, chooseBackbone, mayLack } from './choose-backbone';
import { readClassCentres } from './class-centres';
import type { ExternalTensor } from './external-tensor';
import { onnxNetwork } from './onnx/onnx-state-dict';
import { type ExternalTensors, findStateDict } from './state-dict';
import { isOnnx, readWeightsFile } from './weights-file';

export interface WeightsHints extends BackboneHints {
  /** Read from the classifier's shape; needed where there is none. */
  readonly classes?: number;
  /** Which dict of tensors, or which prefix of names, where a file has several networks. */
  readonly stateDict?: string;
  /** What images are normalised with; the reference's of its backbone unless told. */
  readonly normalisation?: Normalisation;
  /** A file of its own with the classifier (insightface's class centres), and what head it is: 'arcface' unless told. */
  readonly head?: { readonly file: string; readonly name?: string };
  /** Only its embeddings are wanted: where there is no classifier, one of a single class is made up. */
  readonly headless?: boolean;
  /** What head it is where the file has none and may lack it; 'linear' unless told. */
  readonly headName?: string;
  /** What its head, where it is a margin head, multiplies cosines by; the head's published one unless told. */
  readonly scale?: number;
  /** The margin head that a classifier without bias in the file is of: its weights are class centres, and do not say so. */
  readonly marginHead?: { readonly name: string; readonly scale: number };
  /** Another head takes the place of the file's, which is left out. */
  readonly newHead?: boolean;
}

export interface DescribedWeights {
  readonly description: NetworkDescription;
  /** By our names, in our layout: what `Network.load` takes. */
  readonly tensors: ReadonlyMap<string, NamedValues>;
}

/**
 * A network of PyTorch's names, from a file of torch.save or safetensors, or from an ONNX model that PyTorch exported. Without hints its architecture is found out,
 * and its classes are counted. What may be missing, and is, has the initial values of seed 0.
 * @throws UserError where the file cannot be read or fits no network.
 */
export function networkFromWeights(file: string, given: WeightsHints = {}): DescribedWeights {
  const { headless, allowMissing = [] } = given;
  const wanted: WeightsHints = headless ? { ...given, allowMissing: [...allowMissing, 'head'] } : given;
  const { tensors, hints } = isOnnx(file)
    ? fromOnnx(file, wanted)
    : { tensors: stateDict(file, wanted), hints: wanted };
  const fit = chooseBackbone(file, tensors, hints, hints.head !== undefined);
  const { definition, embeddingSize } = fit;
  const own = hints.newHead ? undefined : fit.classifier;
  const classifier = hints.head ? readClassCentres(hints.head.file, embeddingSize) : own;
  const classes = countClasses(hints.head?.file ?? file, classifier, hints);
  const { marginHead } = hints;
  const ofMargin = marginHead && !hints.head && classifier && !classifier.bias ? marginHead : undefined;
  const scale = ofMargin?.scale ?? hints.scale;
  const { normalisation = definition.normalisation } = hints;
  const description: NetworkDescription = {
    backbone: definition.name,
    head: ofMargin?.name ?? headName(classifier, hints),
    inputSize: hints.inputSize ?? definition.inputSize,
    width: 1,
    ...(hints.embeddingSize !== undefined && { embeddingSize: hints.embeddingSize }),
    classes,
    ...(scale !== undefined && { scale }),
    ...(normalisation && { normalisation }),
  };
  return { description, tensors: ourWeights(description, fit, classifier, hints) };
}

function stateDict(file: string, { stateDict: choice }: WeightsHints): ExternalTensors {
  const { content, refuse } = readWeightsFile(file);
  return findStateDict(content, choice, refuse);
}

function fromOnnx(
  file: string,
  hints: WeightsHints,
): { readonly tensors: ExternalTensors; readonly hints: WeightsHints } {
  const { tensors, backbone, embeddingSize } = onnxNetwork(file, hints);
  return { tensors, hints: { ...hints, backbone, embeddingSize } };
}

function countClasses(file: string, classifier: Classifier | undefined, { classes, headless }: WeightsHints): number {
  const counted = classifier?.weight.shape[0] ?? classes ?? (headless ? 1 : undefined);
  if (counted === undefined) {
    throw new UserError(`${file} has no classifier to count classes by: say how many classes there are.`, 1);
  }
  if (classes !== undefined && classes !== counted) {
    throw new UserError(`${file} has a classifier of ${counted} classes, not ${classes}.`, 1);
  }
  return counted;
}

/** Without a bias, a classifier is one of those that have none. */
function headName(classifier: Classifier | undefined, { head, headName: absent = 'linear' }: WeightsHints): string {
  if (head?.name !== undefined && !heads.names.includes(head.name)) {
    throw new UserError(`There is no head named '${head.name}'; known are ${heads.names.join(', ')}.`);
  }
  const withoutBias = head ? 'arcface' : 'linear-no-bias';
  return head?.name ?? (classifier ? (classifier.bias ? 'linear' : withoutBias) : absent);
}

function ourWeights(
  description: NetworkDescription,
  { found, missing, embeddingSize }: BackboneFit,
  classifier: Classifier | undefined,
  hints: WeightsHints,
): Map<string, NamedValues> {
  const weights = new Map<string, ExternalTensor>(found);
  if (classifier) weights.set('head.weight', classifier.weight);
  if (classifier?.bias) weights.set('head.bias', classifier.bias);
  const ours = new Map(
    [...weights].map(([name, tensor]) => [name, fromTorch({ shape: tensor.shape, values: tensor.values() })]),
  );
  if (classifier && missing.length === 0) return ours;
  for (const [name, values] of initialWeights(description, embeddingSize, missing.length > 0)) {
    if (!ours.has(name) && mayLack(hints, name)) ours.set(name, values);
  }
  return ours;
}

/** Those of seed 0; drawing a whole backbone's takes seconds, so it is left out where it is all there. */
function initialWeights(description: NetworkDescription, inputs: number, whole: boolean): Map<string, NamedValues> {
  const state = new State();
  if (whole) buildNetwork(state, 'initial', description, 0);
  else heads.named(description.head).build(Scope.root(state, 'initial', 0).child('head'), { ...description, inputs });
  const weights = new Map([...state.values()].map(([name, values]) => [name.replace(/^initial\//, ''), values]));
  state.dispose();
  return weights;
}
