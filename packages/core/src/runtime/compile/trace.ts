/**
 * Records what one step does. tfjs-node passes every operation through `binding.executeOp` and every upload through
 * `binding.createTensor`: a binding of our own in their place sees the whole step, backward pass and optimiser
 * included, and writes it down as graph nodes. Nothing is computed: tfjs is told shapes and types (output-shapes.ts)
 * and holds tensors whose handles are negative numbers, which TensorFlow never gives out.
 */
import { type Attr, attr, type Binding, backend, DType, handleOf, type TensorInfo, type Values } from '../binding';
import { type Tensor, tf } from '../tensorflow';
import { type CallSite, callSite } from './call-site';
import type { GraphNode } from './graph-def';
import { type Outline, OutputShapes } from './output-shapes';
import { refuseHostRandom, refuseOperation } from './refused';

/** A tensor of the step: a graph node's output. */
interface Recorded extends Outline {
  readonly node: string;
  readonly output: number;
}

/** A tensor that the step is given, by the graph node that will stand for it. */
export interface Given {
  readonly node: string;
  readonly tensor: Tensor;
}

export interface Found {
  /** The graph's reference (`node` or `node:output`) to a tensor that the step made or was given. */
  readonly reference: string;
  readonly dtype: number;
}

export interface Recording<R> {
  readonly nodes: readonly GraphNode[];
  /** Where in the user's code each node came from. */
  readonly sites: readonly CallSite[];
  /** The shape of a tensor of the step, by the graph's reference to it. */
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  readonly result: R;
}

const dtypeName = new Map<number, keyof typeof DType>(
  Object.entries(DType).map(([name, number]) => [number, name as keyof typeof DType]),
);

// Type attributes that tfjs-node leaves out because eager execution infers them, and which input they follow.
const inferred: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  ExpandDims: { T: 0, Tdim: 1 },
  Squeeze: { T: 0 },
};

function withInferred(op: string, attrs: readonly Attr[], inputs: readonly Recorded[]): Attr[] {
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

// The control inputs of nodes that are recorded at the moment; undefined: nothing is being recorded.
let waitFor: ((tensor: Tensor) => string) | undefined;
let waiting: readonly string[] = [];

/**
 * The value of `x`, which the graph hands on only once `event` is there. Outside of a recording operations come one
 * after the other anyway.
 */
export function after(event: Tensor, x: Tensor): Tensor {
  if (!waitFor) return tf.clone(x);
  waiting = [waitFor(event)];
  try {
    return backend().executeSingleOutput('Identity', [attr.type('T', x.dtype === 'int32' ? 'int32' : 'float32')], [x]);
  } finally {
    waiting = [];
  }
}

/**
 * Records `body`, which asks `find` where the tensors that it wants back are in the graph. Give it the tensors of
 * `given`, and those of `inputs`, which have shapes and types but no values.
 * @param step what the step is called in errors
 * @throws Error when the step reads a tensor's values, draws random numbers anywhere but from its inputs, or uses a
 * tensor that is neither made by it nor given
 */
export function trace<R>(
  step: string,
  given: readonly Given[],
  inputs: readonly { readonly node: string; readonly shape: readonly number[]; readonly dtype: number }[],
  body: (inputs: readonly Tensor[], find: (tensor: Tensor) => Found) => R,
): Recording<R> {
  const real = backend().binding;
  const outlines = new OutputShapes(real);
  const recorded = new Map<number, Recorded>();
  const nodes: GraphNode[] = [];
  const sites: CallSite[] = [];
  for (const { node, tensor } of given) {
    const { dtype } = backend().tensorMap.get(tensor.dataId);
    recorded.set(handleOf(tensor), { node, output: 0, shape: tensor.shape, dtype });
  }

  let handles = 0;
  const add = (made: Recorded): TensorInfo => {
    const id = --handles;
    recorded.set(id, made);
    return { id, shape: [...made.shape], dtype: made.dtype };
  };
  const reference = ({ node, output }: Recorded): string => (output === 0 ? node : `${node}:${output}`);
  const recordedAs = (id: number, use: string): Recorded => {
    const found = recorded.get(id);
    if (found) return found;
    throw new Error(
      `${use} in ${step} (${callSite()}) uses a tensor that was made outside the step; pass it as an input of the step or declare it in its state.`,
    );
  };
  const find = (tensor: Tensor): Found => {
    const found = recordedAs(handleOf(tensor), 'The result');
    return { reference: reference(found), dtype: found.dtype };
  };

  const recorder: Binding = {
    // `real`'s properties are read-only and non-configurable, so a Proxy may not replace them.
    ...(Object.fromEntries(
      Object.getOwnPropertyNames(real).map((key) => [key, real[key as keyof Binding]]),
    ) as unknown as Binding),
    executeOp(op: string, attrs: readonly Attr[], ids: readonly number[], outputs: number) {
      refuseOperation(op, step);
      const from = ids.map((id) => recordedAs(id, `The operation ${op}`));
      const made = outlines.of(op, attrs, from, outputs);
      const node = `${op}_${nodes.length}`;
      nodes.push({
        name: node,
        op,
        inputs: [...from.map(reference), ...waiting],
        attrs: withInferred(op, attrs, from),
      });
      sites.push(callSite());
      return made.map((outline, output) => add({ ...outline, node, output }));
    },
    createTensor(shape: readonly number[], dtype: number, values: Values | number[] | boolean[]) {
      const type = dtypeName.get(dtype);
      if (!type) throw new Error(`A constant of TensorFlow type ${dtype} cannot be recorded.`);
      // Uploaded for good: tfjs may only now get round to a tensor that was made outside, and goes on using it there.
      const id = real.createTensor(shape, dtype, values);
      const node = `Const_${nodes.length}`;
      const tensor = { dtype, shape, values: copyOf(values, dtype) };
      nodes.push({ name: node, op: 'Const', inputs: [], attrs: [attr.type('dtype', type), { name: 'value', tensor }] });
      sites.push(callSite());
      recorded.set(id, { ...outlines.constant(id, shape, dtype, tensor.values), node, output: 0 });
      return id;
    },
    tensorDataSync() {
      throw new Error(
        `${step} reads a tensor's values (dataSync, arraySync, print) at ${callSite()} while it is compiled; return the tensor instead, or run with --eager.`,
      );
    },
  };

  const allowHostRandom = refuseHostRandom(step);
  backend().binding = recorder;
  waitFor = (tensor) => `^${recordedAs(handleOf(tensor), 'What is waited for').node}`;
  try {
    const stand = inputs.map((input) => backend().createOutputTensor(add({ ...input, output: 0 })));
    const result = body(stand, find);
    const shapes = new Map([...recorded.values()].map((one) => [reference(one), one.shape]));
    return { nodes, sites, shapes, result };
  } finally {
    waitFor = undefined;
    backend().binding = real;
    allowHostRandom();
    outlines.dispose();
  }
}
