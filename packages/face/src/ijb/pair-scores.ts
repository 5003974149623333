/** Which rows are compared: pair k is row `left[k]` against row `right[k]`. */
export interface RowPairs {
  readonly left: Int32Array;
  readonly right: Int32Array;
}

/**
 * Dot product of each pair's rows, in float64 and always in the same order of summation, so that a pair and its mirror
 * image score the same to the last bit. left, right: [rows, dimension].
 */
export async function pairScores(
  left: Float64Array,
  right: Float64Array,
  dimension: number,
  pairs: RowPairs,
): Promise<Float64Array> {
  const scores = new Float64Array(pairs.left.length);
  for (let pair = 0; pair < scores.length; pair++) {
    const a = (pairs.left[pair] as number) * dimension;
    const b = (pairs.right[pair] as number) * dimension;
    let sum = 0;
    for (let i = 0; i < dimension; i++) sum += (left[a + i] as number) * (right[b + i] as number);
    scores[pair] = sum;
  }
  return scores;
}
