import { backbones } from '../../nn/registry';
import { classifierName } from '../backbone-fit';
import { type BackboneHints, parameterShapesOf } from '../choose-backbone';
import type { ExternalTensors } from '../external-tensor';
import { type Refuse, readBytes, refusal } from '../refusal';
import { layersOf, type OnnxLayer } from './layers';
import { matchLayers } from './match-layers';
import { readModel } from './model';

export interface OnnxNetwork {
  /** By PyTorch's names. */
  readonly tensors: ExternalTensors;
  readonly backbone: string;
  readonly embeddingSize: number;
}

/**
 * The weights of an ONNX file that PyTorch's exporter wrote for a network of the registry, such as insightface's published
 * models. Exporters lose most names and fold batch norms into convolutions, so layers are recognised by order and shapes. The
 * graph is neither run nor compared: another activation would not be noticed.
 * @throws UserError when no network fits, or several do
 */
export function onnxNetwork(file: string, hints: BackboneHints): OnnxNetwork {
  const refuse = refusal(file, 'an ONNX model');
  const layers = layersOf(readModel(readBytes(file), refuse), refuse);
  const names = hints.backbone === undefined ? backbones.all.map(({ name }) => name) : [hints.backbone];
  const fits: OnnxNetwork[] = [];
  const problems: string[] = [];
  for (const backbone of names) {
    const tried = fitOf(layers, backbone, hints, refuse);
    if (typeof tried === 'string') problems.push(`${backbone}: ${tried}`);
    else if (tried) fits.push(tried);
  }
  const [only] = fits;
  if (only && fits.length === 1) return only;
  if (only) throw refuse(`it fits ${fits.map(({ backbone }) => backbone).join(', ')}: name one of them`);
  const closest = problems.length > 0 ? ` (${problems.slice(0, 2).join('; ')})` : '';
  const convolutions = layers.filter(({ kind }) => kind === 'convolution').length;
  throw refuse(`its ${convolutions} convolutions match no known network${closest}`);
}

/** The problem with a network that has the file's convolutions; undefined for one with other convolutions. */
function fitOf(
  layers: readonly OnnxLayer[],
  backbone: string,
  hints: BackboneHints,
  refuse: Refuse,
): OnnxNetwork | string | undefined {
  const lastLinear = layers.findLast(({ kind }) => kind === 'linear')?.shape[0];
  let why: string | undefined;
  for (const embeddingSize of new Set([hints.embeddingSize, lastLinear])) {
    const parameters = parameterShapesOf(backbone, { ...hints, ...(embeddingSize !== undefined && { embeddingSize }) });
    const wanted = [...parameters.backbone.values()].filter((shape) => shape.length === 4);
    const had = layers.filter(({ kind }) => kind === 'convolution').map(({ shape }) => shape);
    if (sorted(wanted) !== sorted(had)) continue;
    const match = matchLayers(layers, parameters.backbone, refuse);
    if ('problem' in match) {
      why = match.problem;
      continue;
    }
    const [classifier, ...more] = match.left;
    const tensors = new Map(match.tensors);
    if (classifier) {
      const isOne =
        more.length === 0 && classifier.kind === 'linear' && classifier.shape[1] === parameters.embeddingSize;
      if (!isOne) {
        why = `it has an unused ${classifier.kind} layer [${classifier.shape}]`;
        continue;
      }
      const name = classifierName(backbones.named(backbone), parameters);
      const [classes = 0] = classifier.shape;
      const shapes = [...classifier.tensors.keys()].map(
        (part) => [`${name}.${part}`, part === 'weight' ? classifier.shape : [classes]] as const,
      );
      const again = matchLayers([classifier], new Map(shapes), refuse);
      if ('tensors' in again) for (const [key, tensor] of again.tensors) tensors.set(key, tensor);
    }
    return { tensors, backbone, embeddingSize: parameters.embeddingSize };
  }
  return why;
}

const sorted = (shapes: readonly (readonly number[])[]): string =>
  shapes
    .map((shape) => shape.join())
    .sort()
    .join(';');
