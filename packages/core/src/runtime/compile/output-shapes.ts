/**
 * The shapes and types of an operation's outputs, which tfjs needs during a recording. TensorFlow runs the operation on
 * zeros to find them, once for each combination of attributes and input shapes. A network's blocks repeat, so recording a
 * step takes less time, and far less memory, than running it.
 */
import { type Attr, type Binding, DType, type TensorInfo } from '../binding';

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

/** Finds the outlines of outputs. It owns the handles of computed constants until `dispose`. */
export class OutputShapes {
  private readonly handles: number[] = [];

  constructor(private readonly binding: Binding) {}

  /** @throws TensorFlow's error when the inputs do not fit the operation */
  of(op: string, attrs: readonly Attr[], inputs: readonly Outline[], outputs: number): readonly Outline[] {
    const constant = inputs.length > 0 && inputs.every((input) => input.constant);
    const key = JSON.stringify([
      op,
      attrs,
      outputs,
      inputs.map((input) => [input.dtype, input.shape, input.constant?.values]),
    ]);
    const before = constant ? undefined : (known.get(key) ?? ofTable(op, inputs));
    if (before) return before;
    const made = this.run(op, attrs, inputs, outputs);
    if (constant) return made.map((info) => this.keep(info));
    for (const { id } of made) this.binding.deleteTensor(id);
    const outlines = made.map(({ shape, dtype }) => ({ shape, dtype }));
    if (known.size >= knownAtMost) known.clear();
    known.set(key, outlines);
    return outlines;
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

  private run(op: string, attrs: readonly Attr[], inputs: readonly Outline[], outputs: number): TensorInfo[] {
    const samples: number[] = [];
    try {
      const ids = inputs.map((input) => {
        if (input.constant) return input.constant.id;
        const id = this.binding.createTensor(input.shape, input.dtype, sample(op, input));
        samples.push(id);
        return id;
      });
      return this.binding.executeOp(op, attrs, ids, outputs);
    } finally {
      for (const id of samples) this.binding.deleteTensor(id);
    }
  }

  private keep({ id, shape, dtype }: TensorInfo): Outline {
    const readable = dtype === DType.float32 || dtype === DType.int32 || dtype === DType.bool || dtype === DType.int64;
    if (!readable || shape.reduce((a, b) => a * b, 1) > smallAtMost) {
      this.binding.deleteTensor(id);
      return { shape, dtype };
    }
    this.handles.push(id);
    return this.constant(id, shape, dtype, this.binding.tensorDataSync(id));
  }
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

// For whole numbers these refuse 0 as the divisor.
const dividing: ReadonlySet<string> = new Set(['FloorDiv', 'FloorMod', 'Mod']);

function sample(op: string, { shape, dtype }: Outline): Float32Array | Int32Array | Uint8Array {
  const size = shape.reduce((a, b) => a * b, 1);
  if (dtype === DType.float32) return new Float32Array(size);
  if (dtype === DType.int32) return new Int32Array(size).fill(dividing.has(op) ? 1 : 0);
  if (dtype === DType.bool || dtype === DType.uint8) return new Uint8Array(size);
  // tfjs-node takes an int64 as two int32.
  if (dtype === DType.int64) return new Int32Array(2 * size);
  throw new Error(`Tensors of TensorFlow type ${dtype} cannot be part of a compiled step.`);
}
