/** The positions of a sliding window (a convolution's filter, a pool), counted as PyTorch counts. */
import { type Tensor4D, tf } from '../../tensorflow';

/** One number for both directions, or [vertical, horizontal]. */
export type Pair = number | readonly [number, number];

export interface WindowOptions {
  /** Pixels between neighbouring windows; default 1. */
  readonly stride?: Pair;
  /** Pixels added on every side ('same' differs from it at stride 2); default 0. */
  readonly padding?: Pair;
  /** Pixels between neighbouring filter values; default 1. */
  readonly dilation?: Pair;
}

/** One direction of a window. */
export interface Axis {
  readonly size: number;
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  /** Padding in front, as requested. */
  readonly before: number;
  /** Padding at the end, as far as any window reaches; the stride may leave pixels unread. */
  readonly after: number;
  readonly output: number;
}

export type Window = readonly [Axis, Axis];

export const pair = (value: Pair): readonly [number, number] => (typeof value === 'number' ? [value, value] : value);

function wholeNumber(op: string, what: string, value: number, least: number): void {
  if (Number.isInteger(value) && value >= least) return;
  throw new Error(`${op}: ${what} must be a whole number of at least ${least}, got ${value}.`);
}

/**
 * The window of an operation `op` over images of `size` [height, width].
 * @throws Error when a number is out of range, or when the window is larger than the padded image
 */
export function windowOver(
  op: string,
  size: readonly [number, number],
  kernel: readonly [number, number],
  { stride = 1, padding = 0, dilation = 1 }: WindowOptions,
): Window {
  const [strides, paddings, dilations] = [pair(stride), pair(padding), pair(dilation)];
  const axis = (which: 0 | 1): Axis => {
    wholeNumber(op, 'the kernel', kernel[which], 1);
    wholeNumber(op, 'the stride', strides[which], 1);
    wholeNumber(op, 'the padding', paddings[which], 0);
    wholeNumber(op, 'the dilation', dilations[which], 1);
    const extent = (kernel[which] - 1) * dilations[which] + 1;
    const output = Math.floor((size[which] + 2 * paddings[which] - extent) / strides[which]) + 1;
    if (output < 1) {
      throw new Error(
        `${op}: a window of ${extent} pixels does not fit into ${which === 0 ? 'the height' : 'the width'} ${size[which]} with padding ${paddings[which]}.`,
      );
    }
    const reach = (output - 1) * strides[which] + extent;
    return {
      size: size[which],
      kernel: kernel[which],
      stride: strides[which],
      // A single filter value has no neighbour.
      dilation: kernel[which] === 1 ? 1 : dilations[which],
      before: paddings[which],
      after: Math.max(0, reach - size[which] - paddings[which]),
      output,
    };
  };
  return [axis(0), axis(1)];
}

/**
 * TensorFlow's name for the padding of a window without dilation: VALID is none, SAME gives size / stride outputs, with
 * the odd pixel at the end. Undefined where neither fits.
 */
export function namedPadding(window: Window): 'VALID' | 'SAME' | undefined {
  if (window.every(({ before, after }) => before === 0 && after === 0)) return 'VALID';
  const same = window.every(({ size, kernel, stride, before, after, output }) => {
    const total = Math.max(0, (output - 1) * stride + kernel - size);
    return output === Math.ceil(size / stride) && before === Math.floor(total / 2) && after === total - before;
  });
  return same ? 'SAME' : undefined;
}

/** x [batch, h, w, c] with the padding of `window`, filled with `value`. */
export function padded(x: Tensor4D, window: Window, value = 0): Tensor4D {
  if (window.every(({ before, after }) => before === 0 && after === 0)) return x;
  const around = window.map(({ before, after }): [number, number] => [before, after]) as [
    [number, number],
    [number, number],
  ];
  return tf.pad(x, [[0, 0], ...around, [0, 0]], value);
}
