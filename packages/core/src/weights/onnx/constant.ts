import { bytesOf } from '../../system/bytes-of';
import { contiguousTensor, type ExternalTensor, elementType } from '../external-tensor';
import type { Refuse } from '../refusal';

/** Numbers of a graph that do not depend on the images: weights, and the sizes and axes of its operators. */
export class Constant {
  private known: ArrayLike<number> | undefined;

  /** @param read computes the numbers, row by row, when somebody asks for them */
  constructor(
    readonly shape: readonly number[],
    /** Whether they are whole numbers, which divide without a rest. */
    readonly isInteger: boolean,
    /** The name of the stored tensor that they come from. */
    readonly name: string,
    private readonly read: () => ArrayLike<number>,
  ) {}

  static of(tensor: ExternalTensor, name: string): Constant {
    const isInteger = !/float/.test(tensor.type.name);
    return new Constant(tensor.shape, isInteger, name, () => tensor.values());
  }

  static numbers(values: readonly number[], isInteger = true, shape: readonly number[] = [values.length]): Constant {
    return new Constant(shape, isInteger, '', () => values);
  }

  get size(): number {
    return sizeOf(this.shape);
  }

  values(): ArrayLike<number> {
    this.known ??= this.read();
    return this.known;
  }

  /** The same numbers in another shape. */
  shaped(shape: readonly number[]): Constant {
    return new Constant(shape, this.isInteger, this.name, () => this.values());
  }

  /** Each number changed by itself. */
  mapped(change: (value: number) => number, isInteger = this.isInteger): Constant {
    return new Constant(this.shape, isInteger, this.name, () => Float64Array.from(this.values(), change));
  }

  /** One number as a row of `count`. */
  repeated(count: number): Constant {
    const values = () => new Float64Array(count).fill(this.values()[0] ?? Number.NaN);
    return new Constant([count], this.isInteger, this.name, values);
  }

  times(factor: number): Constant {
    return factor === 1 ? this : this.mapped((value) => value * factor);
  }

  /** Axis i of the result is axis `order[i]`. */
  transposed(order: readonly number[]): Constant {
    const shape = order.map((axis) => this.shape[axis] ?? 1);
    const strides = stridesOf(this.shape);
    return new Constant(shape, this.isInteger, this.name, () =>
      gathered(
        this.values(),
        shape,
        order.map((axis) => strides[axis] ?? 0),
      ),
    );
  }

  /** Numbers of an operator's input. They are few: more than 10,000 are no sizes or axes. */
  list(): number[] {
    return this.size > 10_000 ? [] : Array.from(this.values());
  }

  tensor(refuse: Refuse): ExternalTensor {
    const values = Float32Array.from(this.values());
    const data = bytesOf(values);
    return contiguousTensor(elementType('float32', refuse), this.shape, data, { left: values.byteLength }, refuse);
  }
}

export const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** The distance between neighbours along each axis. */
export const stridesOf = (shape: readonly number[]): number[] => shape.map((_, axis) => sizeOf(shape.slice(axis + 1)));

/** The numbers at every position of `shape`, where a step along an axis moves by its stride. */
export function gathered(
  values: ArrayLike<number>,
  shape: readonly number[],
  strides: readonly number[],
): Float64Array {
  const out = new Float64Array(sizeOf(shape));
  let written = 0;
  const copy = (axis: number, from: number): void => {
    if (axis === shape.length) out[written++] = values[from] ?? Number.NaN;
    else for (let i = 0; i < (shape[axis] ?? 0); i++) copy(axis + 1, from + i * (strides[axis] ?? 0));
  };
  copy(0, 0);
  return out;
}

/** The shape that NumPy broadcasts shapes to; undefined where they do not fit. */
export function broadcastShape(shapes: readonly (readonly number[])[]): number[] | undefined {
  const rank = Math.max(...shapes.map(({ length }) => length));
  const aligned = shapes.map((shape) => alignedTo(shape, rank));
  const out = Array.from({ length: rank }, (_, axis) => {
    const sizes = new Set(aligned.map((shape) => shape[axis] ?? 1).filter((size) => size !== 1));
    return sizes.size > 1 ? -1 : ([...sizes][0] ?? 1);
  });
  return out.includes(-1) ? undefined : out;
}

/** With leading axes of one. */
export const alignedTo = (shape: readonly number[], rank: number): number[] => [
  ...new Array<number>(Math.max(0, rank - shape.length)).fill(1),
  ...shape,
];

/** A constant's numbers, repeated to `shape`. */
export function broadcast(constant: Constant, shape: readonly number[]): Float64Array {
  const own = alignedTo(constant.shape, shape.length);
  const strides = stridesOf(own).map((stride, axis) => (own[axis] === 1 ? 0 : stride));
  return gathered(constant.values(), shape, strides);
}
