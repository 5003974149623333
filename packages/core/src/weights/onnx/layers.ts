import type { ExternalTensor } from '../external-tensor';
import { type Refuse, shown } from '../refusal';
import type { OnnxGraph } from './model';

/** A layer with weights in a graph. */
export interface OnnxLayer {
  readonly kind: 'convolution' | 'linear' | 'norm' | 'slope';
  /** Its tensors by PyTorch's names; a convolution's bias may contain a batch norm. */
  readonly tensors: ReadonlyMap<string, ExternalTensor>;
  /** [out, in, kh, kw], [out, in] or [channels]. */
  readonly shape: readonly number[];
  /** The weight is stored as [in, out]. */
  readonly transposed: boolean;
  /** The names of its tensors in the file. */
  readonly names: ReadonlyMap<string, string>;
  /** The index of the layer whose output it reads; undefined where it reads another node's. */
  readonly after: number | undefined;
}

const parts: Readonly<Record<string, { readonly kind: OnnxLayer['kind']; readonly inputs: readonly string[] }>> = {
  Conv: { kind: 'convolution', inputs: ['weight', 'bias'] },
  Gemm: { kind: 'linear', inputs: ['weight', 'bias'] },
  MatMul: { kind: 'linear', inputs: ['weight'] },
  BatchNormalization: { kind: 'norm', inputs: ['weight', 'bias', 'running_mean', 'running_var'] },
  PRelu: { kind: 'slope', inputs: ['weight'] },
};

// Their stored numbers are bounds, indices and sizes, not weights.
const harmless = new Set(['Constant', 'Identity', 'Clip', 'Reshape', 'Pad', 'Resize', 'Upsample', 'Slice', 'Gather']);

/** The layers of a graph, in the order of its nodes. @throws UserError when another kind of node uses stored numbers */
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
        `its graph gives ${shown(op)} the stored tensor ${shown(stored[0] ?? '')}, which belongs to no known layer; the model must not normalise images itself`,
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

/** Recognises the addition of stored numbers to a matrix product: they are the linear layer's bias. */
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
