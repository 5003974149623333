/** The number types of a model's stored weights. */
import { toFloat16 } from '../data/embedding-cache/embedding-shard';

export const weightTypes = ['float32', 'float16'] as const;
export type WeightType = (typeof weightTypes)[number];

/** The bytes of an array, not copied. */
export const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

const largestHalf = 65504;

/** IEEE binary16, rounded to the nearest, ties to even. Values beyond its range become its largest. */
export const toHalf = (values: Float32Array): Uint16Array =>
  Uint16Array.from(values, (value) => toFloat16(Math.max(-largestHalf, Math.min(largestHalf, value))));
