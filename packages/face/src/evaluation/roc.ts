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
  const { genuine, impostor } = splitScores(scores, same);
  return curveOfSorted(genuine.sort(), impostor.sort());
}

/**
 * Scores of genuine and of impostor pairs: two sorts of plain numbers and a merge take a fraction of the time of
 * sorting pairs by their score. Throws RangeError like `rocCurve`.
 */
export function splitScores(
  scores: ArrayLike<number>,
  same: ArrayLike<number>,
): { genuine: Float64Array; impostor: Float64Array } {
  if (scores.length !== same.length) throw new RangeError(`${scores.length} scores, but ${same.length} labels`);
  let count = 0;
  for (let i = 0; i < same.length; i++) if (same[i] === 1) count++;
  const genuine = new Float64Array(count);
  const impostor = new Float64Array(same.length - count);
  if (count === 0 || impostor.length === 0) {
    throw new RangeError(`A ROC curve needs genuine and impostor pairs, but there are ${count} and ${impostor.length}`);
  }
  let [nextGenuine, nextImpostor] = [0, 0];
  for (let i = 0; i < same.length; i++) {
    const score = scores[i] as number;
    if (Number.isNaN(score)) throw new RangeError(`The score of pair ${i} is not a number`);
    if (same[i] === 1) genuine[nextGenuine++] = score;
    else impostor[nextImpostor++] = score;
  }
  return { genuine, impostor };
}

/** `rocCurve` of scores in ascending order, at least one of either kind and none of them NaN. */
export function curveOfSorted(genuine: Float64Array, impostor: Float64Array): RocCurve {
  const points = new CurvePoints();
  points.push(0, 0, Number.POSITIVE_INFINITY);
  let [p, n] = [genuine.length, impostor.length];
  let [score, tp, fp, stepTp, stepFp] = [Number.NaN, 0, 0, Number.NaN, Number.NaN];
  while (p > 0 || n > 0) {
    const nextGenuine = p > 0 ? (genuine[p - 1] as number) : Number.NEGATIVE_INFINITY;
    const nextImpostor = n > 0 ? (impostor[n - 1] as number) : Number.NEGATIVE_INFINITY;
    const highest = Math.max(nextGenuine, nextImpostor);
    while (p > 0 && genuine[p - 1] === highest) p--;
    while (n > 0 && impostor[n - 1] === highest) n--;
    const newTp = genuine.length - p - tp;
    const newFp = impostor.length - n - fp;
    // The point before this one is on a straight line of equal steps where both counts grow as they did; the very
    // first one's steps are NaN, which equals nothing.
    if (!Number.isNaN(score) && (newTp !== stepTp || newFp !== stepFp)) points.push(fp, tp, score);
    const first = Number.isNaN(score);
    [score, tp, fp] = [highest, tp + newTp, fp + newFp];
    [stepTp, stepFp] = first ? [Number.NaN, Number.NaN] : [newTp, newFp];
  }
  points.push(fp, tp, score);
  return points.curve(genuine.length, impostor.length);
}

/** Points in arrays that grow: how many are kept is known at the end, and millions of pairs need not all be. */
class CurvePoints {
  private fp = new Float64Array(1024);
  private tp = new Float64Array(1024);
  private thresholds = new Float64Array(1024);
  private count = 0;

  push(fp: number, tp: number, threshold: number): void {
    if (this.count === this.fp.length) {
      this.fp = grown(this.fp);
      this.tp = grown(this.tp);
      this.thresholds = grown(this.thresholds);
    }
    this.fp[this.count] = fp;
    this.tp[this.count] = tp;
    this.thresholds[this.count++] = threshold;
  }

  curve(genuine: number, impostor: number): RocCurve {
    const far = this.fp.slice(0, this.count);
    const tar = this.tp.slice(0, this.count);
    for (let i = 0; i < this.count; i++) {
      far[i] = (far[i] as number) / impostor;
      tar[i] = (tar[i] as number) / genuine;
    }
    return { far, tar, thresholds: this.thresholds.slice(0, this.count), genuine, impostor };
  }
}

function grown(values: Float64Array): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(2 * values.length);
  larger.set(values);
  return larger;
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
