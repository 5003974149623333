/**
 * Records what one step does. tfjs-node passes every operation through `binding.executeOp` and every upload through
 * `binding.createTensor`: a binding of our own in front of both sees the whole step, backward pass and optimiser
 * included. The operations really run (shapes and eager values come out right), and are written down as graph nodes.
 */
import { type Attr, attr, type Binding, backend, DType, handleOf, type Values } from './binding';
import type { GraphNode } from './graph-def';
import type { Tensor } from './tensorflow';

/** Where a recorded tensor comes from: a graph node's output. */
interface Origin {
  readonly node: string;
  readonly output: number;
  readonly dtype: number;
}

export interface Found {
  /** The graph's reference (`node` or `node:output`) to a tensor that the step made or was given. */
  readonly reference: string;
  readonly dtype: number;
}

const dtypeName = new Map<number, keyof typeof DType>(
  Object.entries(DType).map(([name, number]) => [number, name as keyof typeof DType]),
);

// Type attributes that tfjs-node leaves out because eager execution infers them, and which input they follow.
const inferred: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  ExpandDims: { T: 0, Tdim: 1 },
  Squeeze: { T: 0 },
};

function withInferred(op: string, attrs: readonly Attr[], inputs: readonly Origin[]): Attr[] {
  const missing = Object.entries(inferred[op] ?? {}).filter(([name]) => !attrs.some((given) => given.name === name));
  return [
    ...attrs,
    ...missing.flatMap(([name, index]) => {
      const dtype = dtypeName.get(inputs[index]?.dtype ?? -1);
      return dtype ? [attr.type(name, dtype)] : [];
    }),
  ];
}

function copyOf(values: Values | number[] | boolean[], dtype: number): Values {
  if (dtype === DType.float32) return Float32Array.from(values as ArrayLike<number>);
  if (dtype === DType.int32) return Int32Array.from(values as ArrayLike<number>);
  if (dtype === DType.bool || dtype === DType.uint8) return Uint8Array.from(values as ArrayLike<number>, Number);
  if (dtype === DType.int64 && values instanceof Int32Array) return new BigInt64Array(values.slice().buffer);
  if (dtype === DType.int64) return BigInt64Array.from(Array.from(values as ArrayLike<number>, BigInt));
  throw new Error(`A constant of TensorFlow type ${dtype} cannot be recorded.`);
}

/**
 * Runs `body` once and records it. `body` asks `find` where the tensors that it wants back are in the graph.
 * @param known the tensors the step may use: its inputs and its state, by the graph node that will stand for each
 * @throws Error when the step reads a tensor's values, or uses a tensor that is neither made by it nor in `known`
 */
export function trace<R>(
  known: ReadonlyMap<string, Tensor>,
  body: (find: (tensor: Tensor) => Found) => R,
): { nodes: GraphNode[]; result: R } {
  const real = backend().binding;
  const origins = new Map<number, Origin>();
  const nodes: GraphNode[] = [];
  for (const [node, tensor] of known) {
    const dtype = backend().tensorMap.get(tensor.dataId).dtype;
    origins.set(handleOf(tensor), { node, output: 0, dtype });
  }

  const reference = ({ node, output }: Origin): string => (output === 0 ? node : `${node}:${output}`);
  const originOf = (id: number, use: string): Origin => {
    const origin = origins.get(id);
    if (origin) return origin;
    throw new Error(
      `${use} uses a tensor that was made outside the step; pass it as an input of the step or declare it in its state.`,
    );
  };

  const recorder: Binding = {
    // `real`'s properties are read-only and non-configurable, so a Proxy may not replace them.
    ...(Object.fromEntries(
      Object.getOwnPropertyNames(real).map((key) => [key, real[key as keyof Binding]]),
    ) as unknown as Binding),
    executeOp(op: string, attrs: readonly Attr[], inputs: readonly number[], outputs: number) {
      const from = inputs.map((id) => originOf(id, `The operation ${op}`));
      const made = real.executeOp(op, attrs, inputs, outputs);
      const name = `${op}_${nodes.length}`;
      nodes.push({ name, op, inputs: from.map(reference), attrs: withInferred(op, attrs, from) });
      for (const [output, { id, dtype }] of made.entries()) origins.set(id, { node: name, output, dtype });
      return made;
    },
    createTensor(shape: readonly number[], dtype: number, values: Values | number[] | boolean[]) {
      const id = real.createTensor(shape, dtype, values);
      const name = `Const_${nodes.length}`;
      const type = dtypeName.get(dtype);
      if (!type) throw new Error(`A constant of TensorFlow type ${dtype} cannot be recorded.`);
      const tensor = { dtype, shape, values: copyOf(values, dtype) };
      nodes.push({ name, op: 'Const', inputs: [], attrs: [attr.type('dtype', type), { name: 'value', tensor }] });
      origins.set(id, { node: name, output: 0, dtype });
      return id;
    },
    tensorDataSync() {
      throw new Error(
        "The step reads a tensor's values (dataSync, arraySync, print) while it is compiled; return the tensor instead, or run with --eager.",
      );
    },
  };

  backend().binding = recorder;
  try {
    const find = (tensor: Tensor): Found => {
      const origin = originOf(handleOf(tensor), 'The result');
      return { reference: reference(origin), dtype: origin.dtype };
    };
    return { nodes, result: body(find) };
  } finally {
    backend().binding = real;
  }
}
