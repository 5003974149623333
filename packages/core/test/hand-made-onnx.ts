/** Makes ONNX files of consecutive layers, for tests. */
import { type Bytes, integer, message, text, varint } from '../src/runtime/compile/protobuf';
import type { NamedValues } from '../src/runtime/state';

export interface HandMadeNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly output: string;
  readonly integers?: Readonly<Record<string, number>>;
}

/** A tensor as a TensorProto. */
export function tensorProto(name: string, { shape, values }: NamedValues): Bytes[] {
  const raw = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return [...message(1, shape.map(varint)), ...integer(2, 1), ...text(8, name), ...message(9, [raw])];
}

export function onnxFile(nodes: readonly HandMadeNode[], tensors: ReadonlyMap<string, NamedValues>): Buffer {
  const graph = [
    ...nodes.flatMap((node) =>
      message(1, [
        ...node.inputs.flatMap((input) => text(1, input)),
        ...text(2, node.output),
        ...text(4, node.op),
        ...Object.entries(node.integers ?? {}).flatMap(([name, value]) =>
          message(5, [...text(1, name), ...integer(3, value), ...integer(20, 2)]),
        ),
      ]),
    ),
    ...[...tensors].flatMap(([name, value]) => message(5, tensorProto(name, value))),
  ];
  return Buffer.concat([...integer(1, 7), ...message(7, graph)]);
}

/**
 * A network's weights, by PyTorch's names in the order of computation, like the output of an exporter that folds batch norms
 * into the convolutions before them and numbers the changed tensors.
 */
export function foldedFile(weights: ReadonlyMap<string, NamedValues>): Buffer {
  const nodes: HandMadeNode[] = [];
  const tensors = new Map<string, NamedValues>();
  const store = (value: NamedValues, name = `${tensors.size + 400}`) => {
    tensors.set(name, value);
    return name;
  };
  const add = (op: string, inputs: readonly string[], integers = {}) => {
    nodes.push({
      op,
      inputs: [nodes.at(-1)?.output ?? 'input.1', ...inputs],
      output: `${nodes.length + 900}`,
      integers,
    });
  };
  const layers = [...new Set([...weights.keys()].map((name) => name.slice(0, name.lastIndexOf('.'))))];
  const of = (layer: string | undefined, part: string) => weights.get(`${layer}.${part}`);
  const folded = new Set<string>();
  for (const [i, layer] of layers.entries()) {
    const weight = of(layer, 'weight');
    const next = layers[i + 1];
    if (!weight || folded.has(layer)) continue;
    if (weight.shape.length === 4) {
      const norm = of(next, 'running_var') ? next : undefined;
      if (norm) folded.add(norm);
      const parts = norm ? foldedInto(weight, (part) => of(norm, part)) : [weight];
      add(
        'Conv',
        parts.map((part) => store(part)),
      );
    } else if (weight.shape.length === 2) {
      const bias = of(layer, 'bias');
      add('Gemm', [store(weight), ...(bias ? [store(bias)] : [])], { transB: 1 });
    } else if (of(layer, 'running_var')) {
      const parts = ['weight', 'bias', 'running_mean', 'running_var'];
      add(
        'BatchNormalization',
        parts.map((part) => store(of(layer, part) as NamedValues, `${layer}.${part}`)),
      );
    } else {
      add('PRelu', [store({ ...weight, shape: [weight.values.length, 1, 1] })]);
    }
  }
  return onnxFile(nodes, tensors);
}

/** The filter and bias of a convolution [out, ...] with the following norm folded in; its epsilon is 1e-5. */
function foldedInto({ shape, values }: NamedValues, norm: (part: string) => NamedValues | undefined): NamedValues[] {
  const at = (part: string, channel: number) => norm(part)?.values[channel] ?? 0;
  const scales = Array.from(
    { length: shape[0] ?? 0 },
    (_, c) => at('weight', c) / Math.sqrt(at('running_var', c) + 1e-5),
  );
  const each = values.length / scales.length;
  const bias = scales.map((scale, c) => at('bias', c) - at('running_mean', c) * scale);
  return [
    { shape, values: values.map((value, i) => value * (scales[Math.floor(i / each)] ?? 0)) },
    { shape: [scales.length], values: Float32Array.from(bias) },
  ];
}
