/**
 * Records a step as graph nodes. tfjs-node passes every operation through `binding.executeOp` and every upload through
 * `binding.createTensor`; during a recording another binding replaces these and sees the whole step, with backward pass and
 * optimiser. Nothing is computed: tfjs gets shapes and types (output-shapes.ts), and tensors whose handles are negative
 * numbers, which TensorFlow never uses.
 */
import {
  type Attr,
  attr,
  type Binding,
  backend,
  DType,
  dtypeName,
  handleOf,
  type TensorInfo,
  type Values,
} from '../binding';
import { type Tensor, tf } from '../tensorflow';
import { type CallSite, callSite } from './call-site';
import { type GraphNode, graphAttrs } from './graph-def';
import { type Outline, OutputShapes } from './output-shapes';
import { refuseHostRandom, refuseOperation } from './refused';

/** A tensor of the step, as an output of a graph node. */
interface Recorded extends Outline {
  readonly node: string;
  readonly output: number;
}

/** A tensor from outside the step, with the graph node that will represent it. */
export interface Given {
  readonly node: string;
  readonly tensor: Tensor;
}

export interface Found {
  /** The graph's reference (`node` or `node:output`) to a tensor. */
  readonly reference: string;
  readonly dtype: number;
}

export interface Recording<R> {
  readonly nodes: readonly GraphNode[];
  /** The line of the user's code behind each node; none without `lines`. */
  readonly sites: readonly CallSite[];
  /** The shapes of the step's tensors, by reference. */
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  /** Those of float32 alone. */
  readonly floats: ReadonlyMap<string, readonly number[]>;
  readonly result: R;
}

export interface TraceOptions {
  /**
   * all (default): the step may use this package's kernels. none: it uses TensorFlow's own operations alone, so that the
   * recording depends neither on the machine nor on the device. mixed: it uses TensorFlow's operations where they compute
   * in 16 bits what a kernel computes in float32 no faster.
   */
  readonly kernels?: 'all' | 'none' | 'mixed';
  /** Whether to keep the line behind each node (default: true); finding it takes a tenth of a recording's time. */
  readonly lines?: boolean;
}

/** Kernels whose TensorFlow operations a step in 16 bits uses instead. */
const slowerThan16Bits: ReadonlySet<string> = new Set(['HeadshareConvGradFilter', 'HeadshareConvFused']);

function copyOf(values: Values | number[] | boolean[], dtype: number): Values {
  if (dtype === DType.float32) return Float32Array.from(values as ArrayLike<number>);
  if (dtype === DType.int32) return Int32Array.from(values as ArrayLike<number>);
  if (dtype === DType.bool || dtype === DType.uint8) return Uint8Array.from(values as ArrayLike<number>, Number);
  if (dtype === DType.int64 && values instanceof Int32Array) return new BigInt64Array(values.slice().buffer);
  if (dtype === DType.int64) return BigInt64Array.from(Array.from(values as ArrayLike<number>, BigInt));
  throw new Error(`A constant of TensorFlow type ${dtype} cannot be recorded.`);
}

// Makes a control input; undefined while nothing is being recorded.
let waitFor: ((tensor: Tensor) => string) | undefined;
let waiting: readonly string[] = [];

/**
 * The value of `x`, which a graph passes on only after it has computed `event`. Eager operations run in order anyway.
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
 * Records `body`, which may use the tensors in `given` and its `inputs`, which have shapes and types but no values. It calls
 * `find` for the graph's references to its results.
 * @param step the step's name, for errors
 * @throws Error when the step reads a tensor's values, draws random numbers from anything but its inputs, or uses a tensor
 * that it neither made nor got
 */
export function trace<R>(
  step: string,
  given: readonly Given[],
  inputs: readonly { readonly node: string; readonly shape: readonly number[]; readonly dtype: number }[],
  body: (inputs: readonly Tensor[], find: (tensor: Tensor) => Found) => R,
  { kernels = 'all', lines = true }: TraceOptions = {},
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
    ...(kernels === 'none' && { kernels: [] }),
    ...(kernels === 'mixed' && { kernels: real.kernels?.filter((name) => !slowerThan16Bits.has(name)) ?? [] }),
    executeOp(op: string, attrs: readonly Attr[], ids: readonly number[], outputs: number) {
      refuseOperation(op, step);
      const from = ids.map((id) => recordedAs(id, `The operation ${op}`));
      const made = outlines.of(op, attrs, from, outputs);
      const node = `${op}_${nodes.length}`;
      nodes.push({
        name: node,
        op,
        inputs: [...from.map(reference), ...waiting],
        attrs: graphAttrs(op, attrs, from),
      });
      if (lines) sites.push(callSite());
      return made.map((outline, output) => add({ ...outline, node, output }));
    },
    createTensor(shape: readonly number[], dtype: number, values: Values | number[] | boolean[]) {
      const type = dtypeName.get(dtype);
      if (!type) throw new Error(`A constant of TensorFlow type ${dtype} cannot be recorded.`);
      // A real upload: this may be a postponed one of a tensor from outside the step, which stays in use there.
      const id = real.createTensor(shape, dtype, values);
      const node = `Const_${nodes.length}`;
      const tensor = { dtype, shape, values: copyOf(values, dtype) };
      nodes.push({ name: node, op: 'Const', inputs: [], attrs: [attr.type('dtype', type), { name: 'value', tensor }] });
      if (lines) sites.push(callSite());
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
  waitFor = (tensor) => `^${recordedAs(handleOf(tensor), 'A control input').node}`;
  try {
    const stand = inputs.map((input) => backend().createOutputTensor(add({ ...input, output: 0 })));
    const result = body(stand, find);
    const shapesOf = (all: readonly Recorded[]) => new Map(all.map((one) => [reference(one), one.shape]));
    const all = [...recorded.values()];
    const floats = shapesOf(all.filter(({ dtype }) => dtype === DType.float32));
    return { nodes, sites, shapes: shapesOf(all), floats, result };
  } finally {
    waitFor = undefined;
    backend().binding = real;
    allowHostRandom();
    outlines.dispose();
  }
}
