/** The number types of a model's stored weights. */
import { toFloat16 } from '../system/float16';
import type { Floats } from './graph';

export const weightTypes = ['float32', 'float16', 'int8'] as const;
export type WeightType = (typeof weightTypes)[number];

const largestHalf = 65504;

/** IEEE binary16, rounded to the nearest, ties to even. Values beyond its range become its largest. */
export const toHalf = (values: Float32Array): Uint16Array =>
  Uint16Array.from(values, (value) => toFloat16(Math.max(-largestHalf, Math.min(largestHalf, value))));

/** Weights in 8 bits: each is about its quantity times the scale of its channel. */
export interface Quantised {
  readonly shape: readonly number[];
  /** -127..127 */
  readonly quantities: Int8Array;
  /** A scale for each channel. */
  readonly scales: Float32Array;
}

const largestQuantity = 127;

/**
 * Symmetric around zero, and a scale for each channel along `axis`: the largest weight of a channel becomes 127 or -127. Rounds
 * to the nearest, ties to even, as QuantizeLinear of ONNX.
 */
export function toInt8({ shape, values }: Floats, axis: number): Quantised {
  const channels = shape[axis] as number;
  const inner = shape.slice(axis + 1).reduce((product, size) => product * size, 1);
  const channelOf = (i: number): number => Math.floor(i / inner) % channels;
  const scales = new Float32Array(channels);
  for (const [i, value] of values.entries()) {
    const channel = channelOf(i);
    scales[channel] = Math.max(scales[channel] as number, Math.abs(value));
  }
  // A channel of zeros, or of numbers next to zero, is zero at any scale.
  for (const [channel, largest] of scales.entries()) scales[channel] = Math.fround(largest / largestQuantity) || 1;
  const quantities = Int8Array.from(values, (value, i) => {
    const quantity = nearestEven(value / (scales[channelOf(i)] as number));
    return Math.max(-largestQuantity, Math.min(largestQuantity, quantity));
  });
  return { shape, quantities, scales };
}

/** The nearest whole number; the even one of two. */
export function nearestEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  return rest < 0.5 || (rest === 0.5 && below % 2 === 0) ? below : below + 1;
}
