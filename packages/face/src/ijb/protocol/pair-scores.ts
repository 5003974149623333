import { availableParallelism } from 'node:os';
import { loadNativeScores, type NativeScores } from './native-scores';

/** Which rows are compared: pair k is row `left[k]` against row `right[k]`. */
export interface RowPairs {
  readonly left: Int32Array;
  readonly right: Int32Array;
}

/**
 * Dot product of each pair's rows, in float64 and always in the same order of summation, so that a pair and its mirror
 * image score the same to the last bit, on any machine. left, right: [rows, dimension].
 * native: null does the same, slower, without the addon.
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
  // One part a thread: the larger it is, the more pairs share a row while that is in a core's cache.
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

/** As packages/core/native/scores/pair-products.cc sums: in lanes, then lane by lane of the halves. */
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
