/**
 * The shapes and types of an operation's outputs, which tfjs needs during a recording. TensorFlow runs the operation on
 * zeros to find them, once for each combination of attributes and input shapes, or infers them where the inputs are large. A
 * network's blocks repeat, so recording a step takes less time, and far less memory, than running it.
 */
import { type Attr, attr, type Binding, DType, type TensorInfo } from '../binding';
import { encodeGraph, type GraphNode, graphAttrs } from './graph-def';

/** A tensor's shape and type, without its values. */
export interface Outline {
  readonly shape: readonly number[];
  readonly dtype: number;
  /** A small constant's handle and values: shapes may depend on them (Reshape's second input). */
  readonly constant?: { readonly id: number; readonly values: string };
}

type OutputOutline = Pick<Outline, 'shape' | 'dtype'>;

const known = new Map<string, readonly OutputOutline[]>();

// Enough for many networks; a process that keeps compiling steps with new shapes clears the cache at this size.
const knownAtMost = 50_000;

// The most values of a constant that are kept: constants that give shapes are small.
const smallAtMost = 64;

// Values of all inputs together; 1 MB of float32. The product of such inputs may be a table of gigabytes.
const largeFrom = 2 ** 18;

/** Finds the outlines of outputs. It owns the handles of computed constants until `dispose`. */
export class OutputShapes {
  private readonly handles: number[] = [];

  constructor(private readonly binding: Binding) {}

  /** @throws TensorFlow's error when the inputs do not fit the operation */
  of(op: string, attrs: readonly Attr[], inputs: readonly Outline[], outputs: number): readonly Outline[] {
    const collective = ofCollective(op, attrs, inputs);
    if (collective) return collective;
    const constant = inputs.length > 0 && inputs.every((input) => input.constant);
    const key = JSON.stringify([
      op,
      attrs,
      outputs,
      inputs.map((input) => [input.dtype, input.shape, input.constant?.values]),
    ]);
    const before = constant ? undefined : (known.get(key) ?? ofTable(op, inputs) ?? ofWide(op, attrs, inputs));
    if (before) return before;
    const inferred = constant ? undefined : this.infer(op, attrs, inputs);
    if (inferred?.length === outputs) return remember(key, inferred);
    const made = this.run(op, attrs, inputs, outputs);
    if (constant) return made.map((info) => this.keep(info));
    for (const { id } of made) this.binding.deleteTensor(id);
    return remember(
      key,
      made.map(({ shape, dtype }) => ({ shape, dtype })),
    );
  }

  /** The outline of values that the step uploads; valid as long as the handle `id` is. */
  constant(id: number, shape: readonly number[], dtype: number, values: ArrayLike<number | bigint>): Outline {
    if (values.length > smallAtMost) return { shape, dtype };
    return { shape, dtype, constant: { id, values: Array.from(values).join() } };
  }

  dispose(): void {
    for (const id of this.handles) this.binding.deleteTensor(id);
    this.handles.length = 0;
  }

  /**
   * What TensorFlow infers for large inputs, whose zeros might be most of the memory that a training takes. Undefined where
   * inputs are small, where shapes depend on values, and where TensorFlow does not accept the inputs: running says why.
   */
  private infer(op: string, attrs: readonly Attr[], inputs: readonly Outline[]): readonly OutputOutline[] | undefined {
    const sizes = inputs.map(({ shape }) => sizeOf(shape));
    if (sizes.reduce((a, b) => a + b, 0) < largeFrom) return undefined;
    const given = inputs.map((input, i) => inputNode(`input/${i}`, input));
    const node = { name: 'outputs', op, inputs: given.map(({ name }) => name), attrs: graphAttrs(op, attrs, inputs) };
    return this.binding.inferOutputs?.(encodeGraph([...given, node]), node.name);
  }

  private run(op: string, attrs: readonly Attr[], inputs: readonly Outline[], outputs: number): TensorInfo[] {
    const samples: number[] = [];
    try {
      const ids = inputs.map((input) => {
        if (input.constant) return input.constant.id;
        const id = this.sample(op, input);
        samples.push(id);
        return id;
      });
      return this.binding.executeOp(op, attrs, ids, outputs);
    } finally {
      for (const id of samples) this.binding.deleteTensor(id);
    }
  }

  /** A handle of zeros. JavaScript has no arrays of some types, so TensorFlow casts theirs. */
  private sample(op: string, outline: Outline): number {
    const { binding } = this;
    const { shape, dtype } = outline;
    if (!castTypes.has(dtype)) return binding.createTensor(shape, dtype, sample(op, outline));
    const zeros = binding.createTensor(shape, DType.float32, new Float32Array(sizeOf(shape)));
    try {
      const attrs = [attr.type('SrcT', 'float32'), { ...attr.type('DstT', 'float32'), value: dtype }];
      const [made] = binding.executeOp('Cast', attrs, [zeros], 1);
      return (made as TensorInfo).id;
    } finally {
      binding.deleteTensor(zeros);
    }
  }

  private keep({ id, shape, dtype }: TensorInfo): Outline {
    const readable = dtype === DType.float32 || dtype === DType.int32 || dtype === DType.bool || dtype === DType.int64;
    if (!readable || sizeOf(shape) > smallAtMost) {
      this.binding.deleteTensor(id);
      return { shape, dtype };
    }
    this.handles.push(id);
    return this.constant(id, shape, dtype, this.binding.tensorDataSync(id));
  }
}

function remember(key: string, outlines: readonly OutputOutline[]): readonly OutputOutline[] {
  if (known.size >= knownAtMost) known.clear();
  known.set(key, outlines);
  return outlines;
}

/** An input in a graph of one operation: a small constant with its values, for shapes that depend on them. */
function inputNode(name: string, { shape, dtype, constant }: Outline): GraphNode {
  const type = { ...attr.type('dtype', 'float32'), value: dtype };
  if (!constant || dtype !== DType.int32)
    return { name, op: 'Placeholder', inputs: [], attrs: [type, attr.shape('shape', shape)] };
  const values = Int32Array.from(constant.values === '' ? [] : constant.values.split(','), Number);
  return { name, op: 'Const', inputs: [], attrs: [type, { name: 'value', tensor: { dtype, shape, values } }] };
}

/** The outlines for operations on a table's rows: a second table might not fit into memory. */
function ofTable(op: string, inputs: readonly Outline[]): readonly OutputOutline[] | undefined {
  const [table, indices, axis] = inputs;
  if (!table || !indices) return undefined;
  const { shape, dtype } = table;
  if (op === 'TensorScatterUpdate') return [{ shape, dtype }];
  if (op !== 'GatherV2' || axis?.constant?.values !== '0') return undefined;
  return [{ shape: [...indices.shape, ...shape.slice(1)], dtype }];
}

/** The attribute of a collective operation that gives a recording the number of members; TensorFlow ignores it. */
export const membersAttr = '_members';

/**
 * The outlines for TensorFlow's collective operations, which must never be tried out: they would wait for other processes.
 * The sizes that depend on the number of members are nominal unless `membersAttr` gives it.
 */
function ofCollective(
  op: string,
  attrs: readonly Attr[],
  inputs: readonly Outline[],
): readonly OutputOutline[] | undefined {
  if (!op.startsWith('Collective')) return undefined;
  if (op === 'CollectiveBcastRecvV2') {
    const text = inputs[3]?.constant?.values;
    if (text === undefined) throw new Error('CollectiveBcastRecvV2 needs a constant shape of at most 64 sizes.');
    const dtype = attrs.find(({ name }) => name === 'T')?.value;
    return [{ shape: text === '' ? [] : text.split(',').map(Number), dtype: Number(dtype) }];
  }
  const [x] = inputs;
  if (!x) throw new Error(`${op} has no input.`);
  const { shape, dtype } = x;
  if (op !== 'CollectiveGatherV2') return [{ shape, dtype }];
  const members = Number(attrs.find(({ name }) => name === membersAttr)?.value ?? 1);
  const [rows = 1, ...rest] = shape;
  return [{ shape: [rows * members, ...rest], dtype }];
}

// The types of sums across processes (ops/collective.ts).
const castTypes: ReadonlySet<number> = new Set([DType.float64, DType.bfloat16]);

/** The outlines for casts and element-wise sums of such types, whose samples might take gigabytes. */
function ofWide(op: string, attrs: readonly Attr[], inputs: readonly Outline[]): readonly OutputOutline[] | undefined {
  const [x, y] = inputs;
  if (!x) return undefined;
  const { shape, dtype } = x;
  if (op === 'Cast') {
    const to = Number(attrs.find(({ name }) => name === 'DstT')?.value);
    return castTypes.has(dtype) || castTypes.has(to) ? [{ shape, dtype: to }] : undefined;
  }
  const sameShape = y && y.dtype === dtype && y.shape.join() === shape.join();
  return op === 'AddV2' && castTypes.has(dtype) && sameShape ? [{ shape, dtype }] : undefined;
}

const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

// For whole numbers these refuse 0 as the divisor.
const dividing: ReadonlySet<string> = new Set(['FloorDiv', 'FloorMod', 'Mod']);

function sample(op: string, { shape, dtype }: Outline): Float32Array | Int32Array | Uint8Array {
  const size = sizeOf(shape);
  if (dtype === DType.float32) return new Float32Array(size);
  if (dtype === DType.int32) return new Int32Array(size).fill(dividing.has(op) ? 1 : 0);
  if (dtype === DType.bool || dtype === DType.uint8) return new Uint8Array(size);
  // tfjs-node takes an int64 as two int32.
  if (dtype === DType.int64) return new Int32Array(2 * size);
  throw new Error(`Tensors of TensorFlow type ${dtype} cannot be part of a compiled step.`);
}
