import type { Card } from 'headshare-student/card';
import type { Normalisation } from '../../nn/normalisation';
import { normalisations } from '../../nn/normalisation-text';
import { backbones } from '../../nn/registry';
import { type ImageSize, imageSize } from '../../system/image-size';
import { classifierName } from '../backbone-fit';
import { type BackboneHints, parameterShapesOf } from '../choose-backbone';
import type { ExternalTensor, ExternalTensors } from '../external-tensor';
import type { OutputDifference } from '../output-difference';
import { type Refuse, readBytes, refusal, shown } from '../refusal';
import { assignWeights, classifierWeights, type InputScaling } from './assign-weights';
import { backboneLayers } from './backbone-layers';
import { type CheckedNetwork, type CheckedOutput, checkOnnx } from './check-onnx';
import { holdsSteps, LayerComparison, type Theirs, withoutSteps } from './compare-layers';
import type { Constant } from './constant';
import { type ExportedHead, exportedCard, exportedHead } from './exported';
import { type GraphLayers, graphLayers, type ImageInput } from './graph-layers';
import { type OnnxGraph, readModel } from './model';
import { requireSoundTensors } from './sound-tensors';

export interface OnnxNetwork {
  /** By PyTorch's names. */
  readonly tensors: ExternalTensors;
  readonly backbone: string;
  readonly embeddingSize: number;
  readonly width: number;
  /** The size of images; undefined where the graph takes any. */
  readonly inputSize: ImageSize | undefined;
  /** The normalisation of pixels, where the file normalises them itself or says how they must be. */
  readonly normalisation: Normalisation | undefined;
  /** The head of a network that was exported here. */
  readonly head: ExportedHead | undefined;
  /** How far our network's outputs are from onnxruntime's; a clause says why where onnxruntime does not run the file here. */
  readonly compared: OutputDifference | string;
}

/** A network whose graph is equal to a file's. */
export interface Fit {
  readonly network: Omit<OnnxNetwork, 'compared' | 'head'>;
  readonly input: ImageInput;
  readonly output: CheckedOutput;
  readonly checked: CheckedNetwork;
}

/** A backbone of the registry with sizes that the file's weights may have. */
interface Candidate {
  readonly backbone: string;
  readonly hints: BackboneHints;
  /** The number of weights that differ in shape. */
  readonly distance: number;
}

/** What a graph computes after the embedding or the logits that changes no order among them. */
const tails = new Set(['Softmax', 'LogSoftmax', 'normalised']);

/** The most backbones that are compared with a graph. */
const mostCompared = 4;

/**
 * The weights of an ONNX file of a network of the registry, such as insightface's published models. The graph is followed from
 * its outputs to its input and compared, node by node and attribute by attribute, with what the backbone computes; each weight
 * is the one at its place in the data flow. Names, the order of nodes and folded batch norms do not matter. Then onnxruntime
 * runs the file, and its outputs are compared with our network's.
 * @throws UserError when no network is equal, naming the first difference from the closest one, or several are
 */
export function onnxNetwork(file: string, hints: BackboneHints): OnnxNetwork {
  const refuse = refusal(file, 'an ONNX model');
  const bytes = readBytes(file);
  const graph = readModel(file, bytes, refuse);
  requireSoundTensors(file, graph);
  const card = exportedCard(bytes);
  if (card?.mirror) {
    throw refuse(
      'it was exported with --mirror and embeds picture and mirror image together: give an export without --mirror, or the checkpoint',
    );
  }
  const { network, input, output, checked } = equalNetwork(graph, card ? { ...ofCard(card), ...hints } : hints, refuse);
  const normalisation = card ? { mean: card.input.mean, deviation: card.input.deviation } : network.normalisation;
  const head = card && exportedHead(graph, card, refuse);
  return { ...network, normalisation, head, compared: checkOnnx(bytes, graph, input, output, checked, refuse) };
}

/** What the card of a file that was exported here says of its backbone. */
function ofCard({ network: { backbone, width }, input }: Card): BackboneHints {
  return { ...(backbones.names.includes(backbone) && { backbone, width }), inputSize: imageSize(input) };
}

/** The network of the registry that a graph is equal to; nothing is run. @throws UserError as `onnxNetwork` */
export function equalNetwork(graph: OnnxGraph, hints: BackboneHints, refuse: Refuse): Fit {
  const reading = new Reading(graph, hints, refuse);
  const fits: Fit[] = [];
  let closest: Difference | undefined;
  for (const candidate of reading.candidates()) {
    const tried = reading.try(candidate);
    if ('network' in tried) fits.push(tried);
    else if (!closest || tried.equal > closest.equal) closest = tried;
  }
  const [only] = fits;
  if (only && fits.length === 1) return only;
  if (only) throw refuse(`it fits ${fits.map(({ network }) => network.backbone).join(', ')}: name one of them`);
  if (hints.backbone !== undefined) throw refuse(`it is not ${hints.backbone}: ${closest?.difference}`);
  throw refuse(`it is no known network; the closest is ${closest?.backbone}, but ${closest?.difference}`);
}

interface Difference {
  readonly backbone: string;
  readonly difference: string;
  /** The number of layers before the difference. */
  readonly equal: number;
}

class Reading {
  private readonly read = new Map<string, GraphLayers>();

  constructor(
    private readonly graph: OnnxGraph,
    private readonly hints: BackboneHints,
    private readonly refuse: Refuse,
  ) {}

  /** The graph's layers for images of `size`, where it takes images of any. */
  private layers(size: ImageSize): GraphLayers {
    const before = this.read.get(`${size}`);
    if (before) return before;
    const made = graphLayers(this.graph, size, this.refuse);
    if (made.outputs.size === 0) throw this.refuse('none of its outputs depends on its input');
    this.read.set(`${size}`, made);
    return made;
  }

  /** The backbones whose weights have the shapes of the file's; where there is none, the closest. */
  candidates(): Candidate[] {
    const names = this.hints.backbone === undefined ? backbones.all.map(({ name }) => name) : [this.hints.backbone];
    const closest = (all: readonly Candidate[]) => {
      const least = Math.min(...all.map(({ distance }) => distance));
      return all.filter(({ distance }) => distance === least);
    };
    const usual = closest(names.flatMap((backbone) => this.sizesOf(backbone, 'published')));
    if (usual[0]?.distance === 0) return usual;
    const others = names.flatMap((backbone) => this.sizesOf(backbone, 'file'));
    const isSame = (a: Candidate, b: Candidate) =>
      a.backbone === b.backbone && a.hints.width === b.hints.width && a.hints.embeddingSize === b.hints.embeddingSize;
    const all = [...usual, ...others];
    return closest(all.filter((one, i) => all.findIndex((other) => isSame(one, other)) === i)).slice(0, mostCompared);
  }

  private sizesOf(backbone: string, from: 'published' | 'file'): Candidate[] {
    const { outputs, input } = this.layers(this.hints.inputSize ?? backbones.named(backbone).inputSize);
    const inputSize = input.size;
    const lengths = [...outputs.values()].flatMap((output) => {
      const { core } = withoutSteps(withoutTail(output).root);
      const weight = core.kind === 'linear' ? core.weights.weight?.shape : undefined;
      return [weight?.[1], core.shape[0]];
    });
    const had = weightShapes([...outputs.values()]);
    const sizes = new Set([this.hints.embeddingSize, undefined, ...lengths]);
    const width = this.hints.width ?? (from === 'published' ? 1 : widthOf(backbone, inputSize, [...outputs.values()]));
    const made = [...sizes].map((embeddingSize): Candidate => {
      const hints = { ...this.hints, inputSize, width, ...(embeddingSize !== undefined && { embeddingSize }) };
      const shapes = parameterShapesOf(backbone, hints);
      const own = { ...hints, embeddingSize: shapes.embeddingSize };
      return { backbone, hints: own, distance: differing(shapes.backbone, had) };
    });
    return made.filter(
      ({ hints }, i) => made.findIndex((other) => other.hints.embeddingSize === hints.embeddingSize) === i,
    );
  }

  try({ backbone, hints }: Candidate): Fit | Difference {
    const definition = backbones.named(backbone);
    const { inputSize = definition.inputSize, embeddingSize = 0, width = 1 } = hints;
    const { outputs, input } = this.layers(inputSize);
    const wanted = backboneLayers(definition, { inputSize, width, embeddingSize });
    let closest: Difference = { backbone, difference: '', equal: -1 };
    let headless: Fit | undefined;
    let classified: { readonly fit: Fit; readonly by: Theirs } | undefined;
    for (const [name, output] of outputs) {
      const comparison = new LayerComparison(backbone);
      const { root, tail } = withoutTail(output);
      const steps = withoutSteps(root);
      const ways: { readonly embedding: Theirs; readonly classifier?: typeof steps }[] = [{ embedding: root }];
      const [before] = steps.core.inputs;
      if (steps.core.kind === 'linear' && before) ways.push({ embedding: before, classifier: steps });
      for (const { embedding, classifier } of ways) {
        const found = comparison.of(wanted, embedding);
        if (!found.isEqual) {
          if (found.equal > closest.equal) closest = { backbone, difference: found.difference, equal: found.equal };
          continue;
        }
        const parameters = parameterShapesOf(backbone, hints);
        const assigned = assignWeights(comparison, [wanted, embedding], parameters.backbone, this.refuse);
        const own = classifier && new Map(tensorsOf(classifierWeights(classifier), this.refuse));
        const layer = classifierName(definition, parameters);
        const named = [...(own ?? [])].map(([part, tensor]) => [`${layer}.${part}`, tensor] as const);
        const tensors = new Map([...assigned.tensors, ...named]);
        const fit: Fit = {
          network: {
            tensors,
            backbone,
            embeddingSize,
            width,
            inputSize: input.isFixed ? inputSize : undefined,
            normalisation: assigned.scaling && normalisationOf(assigned.scaling, this.refuse),
          },
          input,
          output: { name, what: classifier ? 'logits' : 'embedding', tail },
          checked: {
            backbone,
            inputSize,
            width,
            embeddingSize,
            tensors: assigned.tensors,
            classifier: own,
            scaling: assigned.scaling,
          },
        };
        // Another output may have a classifier, or the probabilities of the same one.
        if (!classifier) headless ??= fit;
        else if (classified && classified.by !== classifier.core) {
          const outputsOfBoth = `${shown(classified.fit.output.name)} and ${shown(name)}`;
          throw this.refuse(`its outputs ${outputsOfBoth} are those of two classifiers: leave one of them in the file`);
        } else classified ??= { fit, by: classifier.core };
      }
    }
    return classified?.fit ?? headless ?? closest;
  }
}

/** The width that gives a backbone's first layer the channels of the file's. */
function widthOf(backbone: string, inputSize: ImageSize, outputs: readonly Theirs[]): number {
  const [[published = 1] = []] = parameterShapesOf(backbone, { inputSize, width: 1 }).backbone.values();
  const first = layersOf(outputs).find(({ inputs: [x] }) => x && withoutSteps(x).core.kind === 'images');
  return (first?.shape[0] ?? published) / published;
}

/** factor x + summand for pixels x from 0 to 255, as a normalisation; a known one where the numbers are its. */
function normalisationOf({ factors, summands }: InputScaling, refuse: Refuse): Normalisation {
  const deviation = factors.map((factor) => 1 / (255 * factor));
  const mean = summands.map((summand, i) => -summand * (deviation[i] as number));
  if (deviation.some((value) => !(value > 0 && value < 1e6)) || mean.some((value) => !(value >= -1e-6 && value <= 1))) {
    throw refuse('it changes the colours of images in a way that is no normalisation of pixels from 0 to 255');
  }
  const isNear = (a: readonly number[], b: readonly number[]) => a.every((x, i) => Math.abs(x - (b[i] ?? 0)) < 1e-5);
  const known = Object.values(normalisations).find((one) => isNear(mean, one.mean) && isNear(deviation, one.deviation));
  const rounded = (list: readonly number[]) => list.map((value) => Number(value.toPrecision(6)) || 0);
  const made = { mean: rounded(mean), deviation: rounded(deviation) };
  return known ?? (made as unknown as Normalisation);
}

function withoutTail(output: Theirs): { readonly root: Theirs; readonly tail: readonly string[] } {
  let root = output;
  const tail: string[] = [];
  for (; tails.has(root.kind); root = root.inputs[0] as Theirs) tail.unshift(root.kind);
  return { root, tail };
}

function tensorsOf(
  weights: Readonly<Record<string, Constant | undefined>>,
  refuse: Refuse,
): [string, ExternalTensor][] {
  return Object.entries(weights).flatMap(([part, value]) => (value ? [[part, value.tensor(refuse)]] : []));
}

/** The shapes of filters and matrices, without axes of one, counted. */
function weightShapes(outputs: readonly Theirs[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const at of layersOf(outputs)) if (holdsSteps(at)) count(counts, at.weights.weight?.shape ?? []);
  return counts;
}

function layersOf(outputs: readonly Theirs[]): Theirs[] {
  const seen = new Set<Theirs>();
  const open = [...outputs];
  for (let at = open.pop(); at; at = open.pop()) {
    if (seen.has(at)) continue;
    seen.add(at);
    open.push(...at.inputs);
  }
  return [...seen];
}

function count(counts: Map<string, number>, shape: readonly number[]): void {
  const key = shape.filter((size, axis) => axis < 2 || size !== 1).join();
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

/** The number of a backbone's weights that a file lacks, and of the file's that are left, of which one may be a classifier. */
function differing(own: ReadonlyMap<string, readonly number[]>, had: ReadonlyMap<string, number>): number {
  const wanted = new Map<string, number>();
  for (const shape of own.values()) if (shape.length === 4 || shape.length === 2) count(wanted, shape);
  let [lacking, left] = [0, 0];
  for (const key of new Set([...wanted.keys(), ...had.keys()])) {
    const more = (had.get(key) ?? 0) - (wanted.get(key) ?? 0);
    if (more > 0) left += more;
    else lacking -= more;
  }
  return lacking + Math.max(0, left - 1);
}
