/**
 * The shapes and types of an operation's outputs, which tfjs needs to go on. TensorFlow tells them by running the
 * operation, but once for each combination of attributes and input shapes, on zeros that are freed at once: a network's
 * blocks repeat, so that recording a step takes less time, and far less memory, than the step.
 */
import { type Attr, type Binding, DType, type TensorInfo } from '../binding';

/** What is known of a tensor without its values. */
export interface Outline {
  readonly shape: readonly number[];
  readonly dtype: number;
  /** The handle of a constant's real values: shapes may depend on them (Reshape's second input). */
  readonly constant?: { readonly id: number; readonly values: string };
}

type OutputOutline = Pick<Outline, 'shape' | 'dtype'>;

const known = new Map<string, readonly OutputOutline[]>();

// Enough for any number of networks; a program that compiles steps for ever in new shapes starts over.
const knownAtMost = 50_000;

// An operation on constants alone is carried out where its result is as small as a shape.
const smallAtMost = 64;

/** Outlines of outputs, and handles of constants that live as long as this does. */
export class OutputShapes {
  private readonly handles: number[] = [];

  constructor(private readonly binding: Binding) {}

  /** @throws Error of TensorFlow's when the inputs do not fit the operation */
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

  /** The outline of values that the step uploads, while `id` lives. */
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

/** Of operations on a table's rows: a table may be larger than memory would hold a second time. */
function ofTable(op: string, inputs: readonly Outline[]): readonly OutputOutline[] | undefined {
  const [table, indices, axis] = inputs;
  if (!table || !indices) return undefined;
  const { shape, dtype } = table;
  if (op === 'TensorScatterUpdate') return [{ shape, dtype }];
  if (op !== 'GatherV2' || axis?.constant?.values !== '0') return undefined;
  return [{ shape: [...indices.shape, ...shape.slice(1)], dtype }];
}

// Of whole numbers these do not take 0 for a divisor.
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
