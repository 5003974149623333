import type { ExternalTensor } from '../external-tensor';
import { type Refuse, shown } from '../refusal';
import type { OnnxGraph } from './model';

/** What of a graph has weights, in the order in which it computes. */
export interface OnnxLayer {
  readonly kind: 'convolution' | 'linear' | 'norm' | 'slope';
  /** PyTorch's names of its tensors; a convolution's bias may hold a batch norm. */
  readonly tensors: ReadonlyMap<string, ExternalTensor>;
  /** [out, in, kh, kw], [out, in] or [channels]. */
  readonly shape: readonly number[];
  /** The weight is stored as [in, out]. */
  readonly transposed: boolean;
  /** The names of its tensors in the file. */
  readonly names: ReadonlyMap<string, string>;
  /** Its place among the layers whose result it is given at once; undefined: something else's. */
  readonly after: number | undefined;
}

const parts: Readonly<Record<string, { readonly kind: OnnxLayer['kind']; readonly inputs: readonly string[] }>> = {
  Conv: { kind: 'convolution', inputs: ['weight', 'bias'] },
  Gemm: { kind: 'linear', inputs: ['weight', 'bias'] },
  MatMul: { kind: 'linear', inputs: ['weight'] },
  BatchNormalization: { kind: 'norm', inputs: ['weight', 'bias', 'running_mean', 'running_var'] },
  PRelu: { kind: 'slope', inputs: ['weight'] },
};

// Bounds of an activation, places and sizes: no weights.
const harmless = new Set(['Constant', 'Identity', 'Clip', 'Reshape', 'Pad', 'Resize', 'Upsample', 'Slice', 'Gather']);

/** @throws UserError for a graph that computes with stored numbers otherwise than layers do */
export function layersOf({ nodes, tensors }: OnnxGraph, refuse: Refuse): OnnxLayer[] {
  const layers: OnnxLayer[] = [];
  const madeBy = new Map<string, number>();
  for (const { op, inputs, outputs, integers } of nodes) {
    const part = Object.hasOwn(parts, op) ? parts[op] : undefined;
    const stored = inputs.filter((name) => tensors.has(name));
    if (op === 'Flatten' && madeBy.has(inputs[0] ?? '')) madeBy.set(outputs[0] ?? '', madeBy.get(inputs[0] ?? '') ?? 0);
    if (stored.length === 0 || harmless.has(op)) continue;
    const bias = op === 'Add' && biasOf(inputs, layers, madeBy, tensors);
    if (bias) {
      layers[bias.at] = bias.layer;
      madeBy.set(outputs[0] ?? '', bias.at);
      continue;
    }
    if (!part) {
      throw refuse(
        `its graph gives ${shown(op)} the stored tensor ${shown(stored[0] ?? '')}, which is of no layer that is known here; it must be a network without its own normalisation of images`,
      );
    }
    const named = part.inputs.flatMap((name, i): [string, string, ExternalTensor][] => {
      const file = inputs[i + 1] ?? '';
      const tensor = tensors.get(file);
      return tensor ? [[name, file, tensor]] : [];
    });
    const weight = named.find(([name]) => name === 'weight')?.[2];
    if (!weight || stored.length !== named.length) throw refuse(`the weights of its ${shown(op)} are not stored in it`);
    const transposed = part.kind === 'linear' && (op === 'MatMul' || (integers.get('transB') ?? 0) === 0);
    const channels = weight.shape.filter((size) => size !== 1);
    const shape = part.kind === 'slope' ? [channels.reduce((a, b) => a * b, 1)] : [...weight.shape];
    madeBy.set(outputs[0] ?? '', layers.length);
    layers.push({
      kind: part.kind,
      tensors: new Map(named.map(([name, , tensor]) => [name, tensor])),
      shape: transposed ? shape.reverse() : shape,
      transposed,
      names: new Map(named.map(([name, file]) => [name, file])),
      after: madeBy.get(inputs[0] ?? ''),
    });
  }
  return layers;
}

/** An addition of stored numbers to what a matrix product made is its bias. */
function biasOf(
  inputs: readonly string[],
  layers: readonly OnnxLayer[],
  madeBy: ReadonlyMap<string, number>,
  tensors: OnnxGraph['tensors'],
): { readonly at: number; readonly layer: OnnxLayer } | undefined {
  const name = inputs.find((input) => tensors.has(input)) ?? '';
  const at = madeBy.get(inputs.find((input) => input !== name) ?? '');
  const layer = layers[at ?? -1];
  const bias = tensors.get(name);
  if (at === undefined || !bias || layer?.kind !== 'linear' || layer.tensors.has('bias')) return undefined;
  if (bias.shape.join() !== `${layer.shape[0]}`) return undefined;
  return {
    at,
    layer: {
      ...layer,
      tensors: new Map([...layer.tensors, ['bias', bias]]),
      names: new Map([...layer.names, ['bias', name]]),
    },
  };
}
