/** Points of a ROC curve in order of falling threshold, from (0, 0) to (1, 1). */
export interface RocCurve {
  /** Share of impostor pairs accepted (FPR, FAR). */
  readonly far: Float64Array;
  /** Share of genuine pairs accepted (TPR, TAR). */
  readonly tar: Float64Array;
  /** A pair is accepted with score >= threshold; Infinity at the first point. */
  readonly thresholds: Float64Array;
  readonly genuine: number;
  readonly impostor: number;
}

/**
 * ROC curve by scikit-learn's rule (roc_curve with drop_intermediate): one point for each distinct score, points on a
 * straight line of equal steps left out, (0, 0) put in front.
 * scores: higher means more alike; same: 1 genuine, 0 impostor.
 * Throws RangeError without at least one pair of either kind, or on a score that is NaN.
 */
export function rocCurve(scores: ArrayLike<number>, same: ArrayLike<number>): RocCurve {
  if (scores.length !== same.length) throw new RangeError(`${scores.length} scores, but ${same.length} labels`);
  // Two native sorts of plain numbers and a merge take a fraction of the time of sorting pairs by their score.
  const positives = sortedScores(scores, same, 1);
  const negatives = sortedScores(scores, same, 0);
  const [genuine, impostor] = [positives.length, negatives.length];
  if (genuine === 0 || impostor === 0) {
    throw new RangeError(`A ROC curve needs genuine and impostor pairs, but there are ${genuine} and ${impostor}`);
  }
  const points = distinctScores(positives, negatives);
  const kept = withoutIntermediate(points);
  const far = new Float64Array(kept.length + 1);
  const tar = new Float64Array(kept.length + 1);
  const thresholds = new Float64Array(kept.length + 1);
  thresholds[0] = Number.POSITIVE_INFINITY;
  kept.forEach((i, k) => {
    far[k + 1] = (points.fp[i] as number) / impostor;
    tar[k + 1] = (points.tp[i] as number) / genuine;
    thresholds[k + 1] = points.score[i] as number;
  });
  return { far, tar, thresholds, genuine, impostor };
}

interface CumulativeCounts {
  readonly count: number;
  readonly fp: Uint32Array;
  readonly tp: Uint32Array;
  readonly score: Float64Array;
}

function sortedScores(scores: ArrayLike<number>, same: ArrayLike<number>, label: 0 | 1): Float64Array {
  let count = 0;
  for (let i = 0; i < same.length; i++) if (same[i] === label) count++;
  const picked = new Float64Array(count);
  let next = 0;
  for (let i = 0; i < same.length; i++) {
    if (same[i] !== label) continue;
    const score = scores[i] as number;
    if (Number.isNaN(score)) throw new RangeError(`The score of pair ${i} is not a number`);
    picked[next++] = score;
  }
  return picked.sort();
}

function distinctScores(positives: Float64Array, negatives: Float64Array): CumulativeCounts {
  const size = positives.length + negatives.length;
  const fp = new Uint32Array(size);
  const tp = new Uint32Array(size);
  const score = new Float64Array(size);
  let [p, n, count] = [positives.length, negatives.length, 0];
  while (p > 0 || n > 0) {
    const highest = Math.max(
      positives[p - 1] ?? Number.NEGATIVE_INFINITY,
      negatives[n - 1] ?? Number.NEGATIVE_INFINITY,
    );
    while (p > 0 && positives[p - 1] === highest) p--;
    while (n > 0 && negatives[n - 1] === highest) n--;
    score[count] = highest;
    tp[count] = positives.length - p;
    fp[count] = negatives.length - n;
    count++;
  }
  return { count, fp, tp, score };
}

function withoutIntermediate({ count, fp, tp }: CumulativeCounts): Uint32Array {
  const kept = new Uint32Array(count);
  let size = 0;
  const bends = (counts: Uint32Array, i: number) =>
    (counts[i + 1] as number) - 2 * (counts[i] as number) + (counts[i - 1] as number) !== 0;
  for (let i = 0; i < count; i++) {
    if (i === 0 || i === count - 1 || bends(fp, i) || bends(tp, i)) kept[size++] = i;
  }
  return kept.subarray(0, size);
}

/** Area under the curve by the trapezoid rule, 0 to 1. */
export function areaUnderCurve({ far, tar }: RocCurve): number {
  let area = 0;
  for (let i = 1; i < far.length; i++) {
    const width = (far[i] as number) - (far[i - 1] as number);
    area += (width * ((tar[i] as number) + (tar[i - 1] as number))) / 2;
  }
  return area;
}

/**
 * Equal error rate: where the share of impostors accepted equals the share of genuine pairs rejected, interpolated
 * linearly between the two points of the curve around it. 0 to 1.
 */
export function equalErrorRate({ far, tar }: RocCurve): number {
  const gap = (i: number) => (far[i] as number) - (1 - (tar[i] as number));
  let i = 1;
  while (gap(i) < 0) i++;
  const before = gap(i - 1);
  const share = -before / (gap(i) - before);
  return (far[i - 1] as number) + share * ((far[i] as number) - (far[i - 1] as number));
}

/** A point of the curve chosen for a false accept rate. */
export interface OperatingPoint {
  readonly tar: number;
  /** The point's own FAR, which may lie on either side of the one asked for. */
  readonly reachedFar: number;
  readonly threshold: number;
}

/**
 * The point that insightface's IJB scripts print for a FAR: the nearest of the curve, without interpolation; of equally
 * near ones the largest FAR, then the largest TAR.
 */
export function nearestPoint({ far, tar, thresholds }: RocCurve, target: number): OperatingPoint {
  let best = far.length - 1;
  for (let i = best - 1; i >= 0; i--) {
    if (Math.abs((far[i] as number) - target) < Math.abs((far[best] as number) - target)) best = i;
  }
  return { tar: tar[best] as number, reachedFar: far[best] as number, threshold: thresholds[best] as number };
}

/** TAR at a FAR, or why this many pairs cannot tell it: fewer than 1 / FAR impostors hold no such rate. */
export type TarAtFar =
  | ({ readonly far: number; readonly measurable: true } & OperatingPoint)
  | { readonly far: number; readonly measurable: false; readonly reason: string; readonly tar: undefined };

/** `nearestPoint` where there are at least 1 / far impostor pairs; says so where there are fewer. */
export function tarAtFar(curve: RocCurve, far: number): TarAtFar {
  // Rounded because a rate like 1e-6 has no exact double, and 1,000,000 pairs must be enough for it.
  if (curve.impostor < Math.round(1 / far)) {
    const reason = `not measurable with ${curve.impostor} impostor pairs`;
    return { far, measurable: false, reason, tar: undefined };
  }
  return { far, measurable: true, ...nearestPoint(curve, far) };
}
