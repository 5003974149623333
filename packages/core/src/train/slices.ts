/**
 * A step's batch is cut into slices of one size (`--accumulate`), and a process computes all of them or a share. A slice's
 * number alone decides its images, its random numbers and its weight, so that shares leave no trace in the result.
 */
import type { FedValue } from '../runtime/compile/step-inputs';

/** The slices [from, to) of a step that a process computes. */
export interface SliceRange {
  readonly from: number;
  readonly to: number;
}

/** The `i`-th of `count` equal parts, without a copy. */
export function slicePart<A extends FedValue>(values: A, i: number, count: number): A {
  const length = values.length / count;
  return values.subarray(i * length, (i + 1) * length) as A;
}

/**
 * What each of `count` slices weighs in a running statistic, besides its share: moved by one slice after another, as
 * (1 - share) running + share s, the statistic of slice i is multiplied by 1 - share once for each later slice.
 */
export const runningWeights = (share: number, count: number): Float32Array =>
  Float32Array.from({ length: count }, (_, i) => (1 - share) ** (count - 1 - i));
