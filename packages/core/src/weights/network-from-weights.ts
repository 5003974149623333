import { buildNetwork, type NetworkDescription } from '../nn/network';
import type { Normalisation } from '../nn/normalisation';
import { normalisationName } from '../nn/normalisation-text';
import { backbones, heads } from '../nn/registry';
import { Scope } from '../nn/scope';
import { fromTorch } from '../nn/torch-layout';
import { type NamedValues, State } from '../runtime/state';
import type { ImageSize } from '../system/image-size';
import { UserError } from '../system/user-error';
import type { BackboneFit, Classifier } from './backbone-fit';
import { type BackboneHints, chooseBackbone, mayLack } from './choose-backbone';
import { withoutBgr } from './colour-order';
import { describedTensors } from './exported-description';
import { type ExternalTensor, type ExternalTensors, isExternalTensor } from './external-tensor';
import { dictsOfTensors, type StateDict } from './networks-in-file';
import { onnxNetwork } from './onnx/onnx-network';
import { differenceText } from './output-difference';
import { parameterShapes } from './parameter-shapes';
import { requireFloat, requireSound } from './sound-values';
import { findStateDict, insightfaceCentres, requireNoChoice } from './state-dict';
import { verifyOutputs } from './verify-outputs';
import { isOnnx, readWeightsFile } from './weights-file';

/** The head of a network in an external file: its tensors do not tell whether they are class centres. */
export interface ExternalHead {
  /**
   * Where its weights come from, if not from the network's own file: another file (insightface's class centres), or the
   * training data. The own file's classifier is then ignored.
   */
  readonly from?: { readonly file: string } | 'data' | undefined;
  /**
   * Its name in the registry. For a classifier in the network's own file it counts only where that has no bias, as class
   * centres have none. Default: `linear`, `linear-no-bias` for a classifier without bias, `arcface` with `from`.
   */
  readonly name?: string | undefined;
  /** The factor that a margin head multiplies cosines by; default: the head's published one. */
  readonly scale?: number;
}

export interface WeightsHints extends BackboneHints {
  /** The number of classes. Default: counted in the classifier; needed where there is none. */
  readonly classes?: number;
  /** Which dict of tensors, or which prefix of names, where a file has several networks. */
  readonly stateDict?: string | undefined;
  /** Receives sentences for the log: which network of a file was chosen, and what was left out. */
  readonly onNote?: (line: string) => void;
  /** The normalisation of images. Default: the one of the backbone's reference. */
  readonly normalisation?: Normalisation;
  /** The order of colours that the network takes, if not RGB; it is read as a network that takes RGB. */
  readonly colours?: 'BGR';
  readonly head?: ExternalHead;
  /** A .npz file with inputs and outputs that the network must give: see `verifyOutputs`. */
  readonly verify?: string | undefined;
  /** Only embeddings are wanted: a file without a classifier gets one of a single class. */
  readonly headless?: boolean;
}

export interface DescribedWeights {
  readonly description: NetworkDescription;
  /** By our names, in our layout, for `Network.load`. */
  readonly tensors: ReadonlyMap<string, NamedValues>;
  /** The file has no classifier, and the head is untrained; only with `headless`. */
  readonly lacksHead?: boolean;
}

/**
 * Reads a network with PyTorch's names from a file of torch.save, safetensors or an ONNX model that PyTorch exported. By
 * default its architecture and its number of classes are found from names and shapes. A tensor that may be missing, and
 * is, gets the initial values of seed 0.
 * @throws UserError when the file cannot be read or fits no network
 */
export function networkFromWeights(file: string, given: WeightsHints = {}): DescribedWeights {
  const { headless, allowMissing = [], head: { from } = {} } = given;
  const needsHead = !headless && from === undefined;
  const wanted: WeightsHints = needsHead ? given : { ...given, allowMissing: [...allowMissing, 'head'] };
  const { tensors, hints, notes, compared, about } = isOnnx(file)
    ? { ...fromOnnx(file, wanted), notes: [], about: undefined }
    : { ...stateDict(file, wanted), hints: wanted, compared: undefined };
  const exported = from === undefined && given.colours === undefined ? about : undefined;
  if (exported && suits(exported.description, given)) {
    const { description } = exported;
    const { normalisation = description.normalisation } = given;
    const inputSize = sizeFor(description, given.inputSize);
    const described = { ...description, inputSize, ...(normalisation && { normalisation }) };
    const network = { description: described, tensors: inOurLayout(file, exported.tensors, (name) => name) };
    if (given.verify !== undefined) verify(given.verify, file, network, given.onNote);
    return network;
  }
  const say = (note: string) => given.onNote?.(`${file}: ${note}`);
  notes.forEach(say);
  const fit = chooseBackbone(file, tensors, hints);
  fit.notes.forEach(say);
  const { definition, embeddingSize, sizes } = fit;
  const centres = from === undefined || from === 'data' ? undefined : from.file;
  const own = from === 'data' ? undefined : fit.classifier;
  const classifier = centres === undefined ? own : readClassCentres(centres, embeddingSize);
  const { head, scale } = headOf(classifier, hints.head);
  const { normalisation = definition.normalisation } = hints;
  const description: NetworkDescription = {
    backbone: definition.name,
    head,
    ...sizes,
    classes: countClasses(centres ?? file, classifier, hints),
    ...(scale !== undefined && { scale }),
    ...(normalisation && { normalisation }),
  };
  const weights = ourWeights(file, description, fit, classifier, hints);
  const network = { description, tensors: hints.colours === 'BGR' ? withoutBgr(weights, file) : weights };
  if (typeof compared === 'string') {
    const instead = hints.verify === undefined ? '; --verify=FILE.npz compares outputs' : '';
    say(`its outputs are not compared with onnxruntime's: ${compared}${instead}`);
  } else if (compared) say(differenceText(compared, 'onnxruntime'));
  // With the file's own order of colours, in which its inputs are.
  if (hints.verify !== undefined) verify(hints.verify, file, { description, tensors: weights }, given.onNote);
  return headless && !classifier ? { ...network, lacksHead: true } : network;
}

/** Compares a network with a .npz file, and tells the difference. @throws UserError when it gives other outputs */
export function verify(
  expected: string,
  file: string,
  { description, tensors }: DescribedWeights,
  onNote: WeightsHints['onNote'],
): void {
  const found = verifyOutputs(expected, file, description, tensors);
  onNote?.(`${file}: ${differenceText(found, expected)}`);
}

/**
 * Tensors read from the file, in our layout. @param nameIn the name of one of ours in the file
 * @throws UserError for values that no network can compute with
 */
export function inOurLayout(
  file: string,
  tensors: ExternalTensors,
  nameIn: (name: string) => string,
): Map<string, NamedValues> {
  return new Map(
    [...tensors].map(([name, tensor]) => {
      requireFloat(file, nameIn(name), tensor);
      const values = { shape: tensor.shape, values: tensor.values() };
      requireSound(file, nameIn(name), values);
      return [name, fromTorch(values)];
    }),
  );
}

/** The wanted size of images, where the network has the same variables at it; else its own. */
function sizeFor(own: NetworkDescription, wanted: ImageSize = own.inputSize): ImageSize {
  const { head: _, classes: __, ...sizes } = own;
  const [theirs, ours] = [parameterShapes(sizes), parameterShapes({ ...sizes, inputSize: wanted })];
  return JSON.stringify([...theirs.backbone]) === JSON.stringify([...ours.backbone]) ? wanted : own.inputSize;
}

/** Whether a file's own description of its network is that of the network that is asked for. */
function suits(own: NetworkDescription, hints: WeightsHints): boolean {
  const asked = (['backbone', 'classes', 'width', 'embeddingSize'] as const).map((key) => [key, hints[key]]);
  const isOther = asked.some(([key, value]) => value !== undefined && value !== Reflect.get(own, `${key}`));
  return !isOther && (hints.head?.name === undefined || hints.head.name === own.head);
}

function stateDict(
  file: string,
  { stateDict: choice }: WeightsHints,
): StateDict & { readonly about: ReturnType<typeof describedTensors> } {
  const { content, refuse, description } = readWeightsFile(file);
  const about = choice === undefined ? describedTensors(description, content) : undefined;
  return { ...(about ? { tensors: about.tensors, notes: [] } : findStateDict(content, choice, refuse)), about };
}

function fromOnnx(file: string, hints: WeightsHints) {
  requireNoChoice(file, 'an ONNX model', hints.stateDict);
  const { tensors, backbone, embeddingSize, width, compared, normalisation, head, ...own } = onnxNetwork(file, hints);
  const { inputSize = own.inputSize } = hints;
  const given = hints.normalisation;
  if (normalisation && given && normalisationName(given) !== normalisationName(normalisation)) {
    throw new UserError(
      `${file} holds its normalisation, ${normalisationName(normalisation)}: give no other one than that (${normalisationName(given)}).`,
    );
  }
  const classifier = head && `${backbones.named(backbone).classifier ?? 'fc'}.weight`;
  return {
    tensors: head && classifier ? new Map([...tensors, [classifier, head.weight]]) : tensors,
    compared,
    hints: {
      ...hints,
      backbone,
      embeddingSize,
      width,
      ...(inputSize !== undefined && { inputSize }),
      ...(normalisation && { normalisation }),
      ...(head && hints.head?.from === undefined && { head: { name: head.name, scale: head.scale } }),
    },
  };
}

function countClasses(file: string, classifier: Classifier | undefined, { classes, headless }: WeightsHints): number {
  const counted = classifier?.weight.shape[0] ?? classes ?? (headless ? 1 : undefined);
  if (counted === undefined) {
    throw new UserError(`${file} has no classifier to count classes by: give the number of classes.`, 1);
  }
  if (classes !== undefined && classes !== counted) {
    throw new UserError(`${file} has a classifier of ${counted} classes, not ${classes}.`, 1);
  }
  return counted;
}

function headOf(
  classifier: Classifier | undefined,
  hint: ExternalHead = {},
): { head: string; scale?: number | undefined } {
  const { from, name, scale } = hint;
  if (name !== undefined && !heads.names.includes(name)) {
    throw new UserError(`There is no head named '${name}'; known are ${heads.names.join(', ')}.`);
  }
  if (from !== undefined) return { head: name ?? 'arcface', scale };
  if (!classifier || classifier.bias) return { head: 'linear' };
  return name === undefined ? { head: 'linear-no-bias' } : { head: name, scale };
}

/**
 * Reads a classifier from its own file: a tensor [classes, embedding], or a dict with one and perhaps a bias (insightface's
 * partial_fc saves its class centres as `weight`).
 * @throws UserError when there is no such tensor, or several
 */
function readClassCentres(file: string, embeddingSize: number): Classifier {
  const { content, refuse } = readWeightsFile(file);
  const ofInsightface = dictsOfTensors(content).get(insightfaceCentres);
  const tensors: ExternalTensors = isExternalTensor(content)
    ? new Map([['weight', content]])
    : (ofInsightface ?? findStateDict(content, undefined, refuse).tensors);
  const centres = [...tensors].filter(([, { shape }]) => shape.length === 2 && shape[1] === embeddingSize);
  const [only] = centres;
  if (!only || centres.length > 1) {
    throw refuse(`a classifier is one tensor [classes, ${embeddingSize}], and it holds ${centres.length}`);
  }
  const [name, weight] = only;
  const layer = name.replace(/\.?weight$/, '');
  const bias = tensors.get(layer === '' ? 'bias' : `${layer}.bias`);
  const fits = bias?.shape.length === 1 && bias.shape[0] === weight.shape[0];
  return { name: layer, weight, bias: fits ? bias : undefined };
}

function ourWeights(
  file: string,
  description: NetworkDescription,
  fit: BackboneFit,
  classifier: Classifier | undefined,
  hints: WeightsHints,
): Map<string, NamedValues> {
  const { missing, embeddingSize } = fit;
  const ours = tensorsOf(file, fit, classifier);
  if (classifier) {
    // A margin head's statistics, which do not depend on the number of classes, are in no classifier.
    for (const [name, values] of initialWeights({ ...description, classes: 1 }, embeddingSize, false)) {
      if (!ours.has(name) && name !== 'head.weight' && name !== 'head.bias') ours.set(name, values);
    }
  }
  if (classifier && missing.length === 0) return ours;
  for (const [name, values] of initialWeights(description, embeddingSize, missing.length > 0)) {
    if (!ours.has(name) && mayLack(hints, name)) ours.set(name, values);
  }
  return ours;
}

/** A backbone's tensors and a classifier's, in our layout. @throws UserError for values that no network can compute with */
export function tensorsOf(
  file: string,
  { found, prefix }: BackboneFit,
  classifier: Classifier | undefined,
): Map<string, NamedValues> {
  const weights = new Map<string, ExternalTensor>(found);
  if (classifier) weights.set('head.weight', classifier.weight);
  if (classifier?.bias) weights.set('head.bias', classifier.bias);
  return inOurLayout(file, weights, (name) =>
    classifier && name.startsWith('head.') ? name.replace(/^head/, classifier.name) : prefix + name,
  );
}

/** The initial weights of seed 0: the head's, or the `whole` network's, which takes seconds. */
function initialWeights(description: NetworkDescription, inputs: number, whole: boolean): Map<string, NamedValues> {
  const state = new State();
  if (whole) buildNetwork(state, 'initial', description, 0);
  else heads.named(description.head).build(Scope.root(state, 'initial', 0).child('head'), { ...description, inputs });
  const weights = new Map([...state.values()].map(([name, values]) => [name.replace(/^initial\//, ''), values]));
  state.dispose();
  return weights;
}
