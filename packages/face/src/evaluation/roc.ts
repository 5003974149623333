import { UserError } from '@headshare/core/system/user-error';

/** Points of a ROC curve in order of falling threshold, from (0, 0) to (1, 1). */
export interface RocCurve {
  /** Share of impostor pairs accepted (FPR, FAR). */
  readonly far: Float64Array;
  /** Share of genuine pairs accepted (TPR, TAR). */
  readonly tar: Float64Array;
  /** A pair is accepted if score >= threshold; Infinity at the first point. */
  readonly thresholds: Float64Array;
  readonly genuine: number;
  readonly impostor: number;
}

/**
 * ROC curve by scikit-learn's rule (roc_curve with drop_intermediate): one point for each distinct score, except points
 * on a straight line of equal steps, and (0, 0) in front.
 * @param scores higher for pairs that are more alike
 * @param same 1: genuine, 0: impostor
 * @throws UserError without a pair of either kind, or for a score that is NaN
 */
export function rocCurve(scores: ArrayLike<number>, same: ArrayLike<number>): RocCurve {
  const { genuine, impostor } = splitScores(scores, same);
  return curveOfSorted(genuine.sort(), impostor.sort());
}

/**
 * The scores of genuine and of impostor pairs. Sorting both and merging them takes a fraction of the time of sorting
 * pairs by their score. @throws UserError like `rocCurve`
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
    throw new UserError(
      `A ROC curve needs genuine and impostor pairs, but there are ${count} and ${impostor.length}.`,
      1,
    );
  }
  let [nextGenuine, nextImpostor] = [0, 0];
  for (let i = 0; i < same.length; i++) {
    const score = scores[i] as number;
    if (Number.isNaN(score)) throw new UserError(`The score of pair ${i} is not a number.`, 1);
    if (same[i] === 1) genuine[nextGenuine++] = score;
    else impostor[nextImpostor++] = score;
  }
  return { genuine, impostor };
}

/** `rocCurve` of scores in ascending order, at least one of either kind and none of them NaN. */
export function curveOfSorted(genuine: Float64Array, impostor: Float64Array): RocCurve {
  // False and true accepts and threshold of each point, flat: millions of pairs make millions of points.
  let points = new Float64Array(3 * 1024);
  let length = 0;
  const push = (fp: number, tp: number, threshold: number) => {
    if (length === points.length) {
      const larger = new Float64Array(2 * length);
      larger.set(points);
      points = larger;
    }
    points[length++] = fp;
    points[length++] = tp;
    points[length++] = threshold;
  };
  push(0, 0, Number.POSITIVE_INFINITY);
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
    // The previous point is on a straight line of equal steps if both counts grow by the same steps again. The first
    // point's steps are NaN, which equals nothing.
    const first = Number.isNaN(score);
    if (!first && (newTp !== stepTp || newFp !== stepFp)) push(fp, tp, score);
    [score, tp, fp] = [highest, tp + newTp, fp + newFp];
    [stepTp, stepFp] = first ? [Number.NaN, Number.NaN] : [newTp, newFp];
  }
  push(fp, tp, score);
  const column = (which: number, total: number) =>
    Float64Array.from({ length: length / 3 }, (_, i) => (points[3 * i + which] as number) / total);
  return {
    far: column(0, impostor.length),
    tar: column(1, genuine.length),
    thresholds: column(2, 1),
    genuine: genuine.length,
    impostor: impostor.length,
  };
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
 * Equal error rate, 0 to 1: the share of impostors accepted where it equals the share of genuine pairs rejected,
 * interpolated linearly between the two neighbouring points of the curve.
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
  /** The point's own FAR, which may be above or below the requested one. */
  readonly reachedFar: number;
  readonly threshold: number;
  /** Whether there are at least 1 / FAR impostor pairs: with fewer the rate means nothing. */
  readonly measurable: boolean;
}

/**
 * The point that insightface's IJB scripts print for a FAR: the nearest of the curve, without interpolation. Of equally
 * near ones the one with the largest FAR, then the largest TAR.
 */
export function operatingPoint({ far, tar, thresholds, impostor }: RocCurve, target: number): OperatingPoint {
  let best = far.length - 1;
  for (let i = best - 1; i >= 0; i--) {
    if (Math.abs((far[i] as number) - target) < Math.abs((far[best] as number) - target)) best = i;
  }
  return {
    tar: tar[best] as number,
    reachedFar: far[best] as number,
    threshold: thresholds[best] as number,
    // Rounded: 1e-6 has no exact double, and 1,000,000 pairs must suffice for it.
    measurable: impostor >= Math.round(1 / target),
  };
}

/** An operating point for each rate, rates written as published tables write them ('1e-4'). */
export type TarAtFar<F extends string> = Readonly<Record<F, OperatingPoint>>;

export const tarAtFar = <F extends string>(curve: RocCurve, fars: readonly F[]): TarAtFar<F> =>
  Object.fromEntries(fars.map((far) => [far, operatingPoint(curve, Number(far))])) as TarAtFar<F>;

/** Metrics `<prefix>tar_at_far_1e-4` ... of the rates that can be measured. */
export const tarMetrics = (points: TarAtFar<string>, prefix: string): Record<string, number> =>
  Object.fromEntries(
    Object.entries(points).flatMap(([far, { tar, measurable }]) =>
      measurable ? [[`${prefix}tar_at_far_${far}`, tar]] : [],
    ),
  );
