/** How scores of either kind are spread: counts in equal bins from `low` to `high`. */
export interface ScoreHistogram {
  readonly low: number;
  readonly high: number;
  readonly genuine: readonly number[];
  readonly impostor: readonly number[];
}

const bins = 200;

/** Counts cosines, -1 to 1; rounding beyond the ends counts in the outermost bins. */
export function scoreHistogram(scores: Float64Array, same: Uint8Array): ScoreHistogram {
  const counts = [new Array<number>(bins).fill(0), new Array<number>(bins).fill(0)] as const;
  for (let pair = 0; pair < scores.length; pair++) {
    const bin = Math.floor((((scores[pair] as number) + 1) / 2) * bins);
    const kind = same[pair] === 1 ? counts[1] : counts[0];
    const inside = Math.max(0, Math.min(bins - 1, bin));
    kind[inside] = (kind[inside] as number) + 1;
  }
  return { low: -1, high: 1, genuine: counts[1], impostor: counts[0] };
}
