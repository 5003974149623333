import type { NamedValues } from '../runtime/state';

/**
 * The same weights as PyTorch stores them and as they are stored here: convolutions [out, in / groups, kh, kw] there and
 * [kh, kw, in / groups, out] here (depthwise ones too), linear layers [out, in] there and [in, out] here, all else
 * alike. Flattened maps need no more than that: `flatten` keeps PyTorch's order.
 */
export function fromTorch({ shape, values }: NamedValues): NamedValues {
  if (shape.length === 4) return permuted(shape, values, [2, 3, 1, 0]);
  return shape.length === 2 ? permuted(shape, values, [1, 0]) : { shape, values };
}

/** The inverse of `fromTorch`. */
export function toTorch({ shape, values }: NamedValues): NamedValues {
  if (shape.length === 4) return permuted(shape, values, [3, 2, 0, 1]);
  return shape.length === 2 ? permuted(shape, values, [1, 0]) : { shape, values };
}

/** Values with their axes in another order: axis i of the result is axis `order[i]` of what is given. */
export function permuted(shape: readonly number[], values: Float32Array, order: readonly number[]): NamedValues {
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1));
  const sizes = order.map((axis) => shape[axis] ?? 0);
  const steps = order.map((axis) => strides[axis] ?? 0);
  const out = new Float32Array(values.length);
  let written = 0;
  const copy = (axis: number, from: number): void => {
    const size = sizes[axis] ?? 0;
    const step = steps[axis] ?? 0;
    if (axis === sizes.length - 1) {
      for (let i = 0; i < size; i++) out[written++] = values[from + i * step] ?? 0;
    } else {
      for (let i = 0; i < size; i++) copy(axis + 1, from + i * step);
    }
  };
  copy(0, 0);
  return { shape: sizes, values: out };
}
