import { availableParallelism } from 'node:os';
import { loadNativeScores, type NativeScores } from './native-scores';

/** Pair k compares row `left[k]` with row `right[k]`. */
export interface RowPairs {
  readonly left: Int32Array;
  readonly right: Int32Array;
}

/**
 * Dot product of each pair's rows in float64. The order of summation is fixed, so that swapped pairs and other machines
 * give the same bits.
 * @param left,right [rows, dimension]
 * @param native null computes the same without the addon, slower
 */
export async function pairScores(
  left: Float64Array,
  right: Float64Array,
  dimension: number,
  pairs: RowPairs,
  native: NativeScores | null = loadNativeScores(),
): Promise<Float64Array> {
  const count = pairs.left.length;
  const scores = new Float64Array(count);
  // One part a thread: in a large part, more pairs share a row while it is in the core's cache.
  const size = Math.ceil(count / availableParallelism());
  const score = async (from: number) => {
    const part = <A extends Int32Array | Float64Array>(values: A) => values.subarray(from, from + size) as A;
    const [leftRows, rightRows, products] = [part(pairs.left), part(pairs.right), part(scores)];
    if (native) await native.pairProducts(left, right, dimension, leftRows, rightRows, products);
    else pairProducts(left, right, dimension, leftRows, rightRows, products);
  };
  const starts = Array.from({ length: Math.ceil(count / (size || 1)) }, (_, part) => part * size);
  await Promise.all(starts.map(score));
  return scores;
}

/** The order of summation of packages/core/native/scores/pair-products.cc: in lanes, then repeatedly half to half. */
const lanes = 32;

function pairProducts(
  left: Float64Array,
  right: Float64Array,
  dimension: number,
  leftRows: Int32Array,
  rightRows: Int32Array,
  products: Float64Array,
): void {
  const sums = new Float64Array(lanes);
  for (let pair = 0; pair < products.length; pair++) {
    const a = (leftRows[pair] as number) * dimension;
    const b = (rightRows[pair] as number) * dimension;
    for (let lane = 0; lane < lanes; lane++) {
      let sum = 0;
      for (let i = lane; i < dimension; i += lanes) sum += (left[a + i] as number) * (right[b + i] as number);
      sums[lane] = sum;
    }
    for (let half = lanes / 2; half >= 1; half /= 2) {
      for (let lane = 0; lane < half; lane++) sums[lane] = (sums[lane] as number) + (sums[lane + half] as number);
    }
    products[pair] = sums[0] as number;
  }
}
