import type { NamedValues } from '../runtime/state';

// By rank: axis i of the result is axis order[i] of the input. Other ranks have one layout.
const fromTorchOrder: Readonly<Record<number, readonly number[]>> = { 4: [2, 3, 1, 0], 2: [1, 0] };
const toTorchOrder: Readonly<Record<number, readonly number[]>> = { 4: [3, 2, 0, 1], 2: [1, 0] };

/**
 * A weight in PyTorch's layout -> the layout here. Convolutions are [out, in / groups, kh, kw] in PyTorch and
 * [kh, kw, in / groups, out] here (depthwise ones too), linear layers [out, in] and [in, out]; everything else is the same.
 * Weights after flattened maps need no reordering, because `flatten` keeps PyTorch's order.
 */
export function fromTorch(weight: NamedValues): NamedValues {
  const order = fromTorchOrder[weight.shape.length];
  return order ? permuted(weight, order) : weight;
}

/** The inverse of `fromTorch`. */
export function toTorch(weight: NamedValues): NamedValues {
  const order = toTorchOrder[weight.shape.length];
  return order ? permuted(weight, order) : weight;
}

/** The shape in PyTorch of a weight of `shape` here. */
export function torchShape(shape: readonly number[]): readonly number[] {
  return toTorchOrder[shape.length]?.map((axis) => shape[axis] ?? 0) ?? shape;
}

/** Reorders axes: axis i of the result is axis `order[i]` of the input. */
export function permuted({ shape, values }: NamedValues, order: readonly number[]): NamedValues {
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
