import { countAccepted, type FoldCounts, foldBounds, trainingCounts } from './folds';

/** Labelled distances. `same`: 1 the same person, 0 different people. */
export interface LabelledDistances {
  readonly distance: ArrayLike<number>;
  readonly same: ArrayLike<number>;
  /** Where the folds begin, one entry more than folds (see foldBounds); 10 equal ones when left out. */
  readonly bounds?: Int32Array;
}

export interface FoldAccuracy {
  readonly mean: number;
  /** Population standard deviation over the folds (divided by their number). */
  readonly std: number;
  readonly perFold: readonly number[];
  /** Threshold on the squared distance that each fold was judged with, chosen on the other folds. */
  readonly thresholds: readonly number[];
}

const accuracyGrid = { step: 0.01, thresholds: 400 };
const valGrid = { step: 0.001, thresholds: 4000 };

/**
 * LFW's accuracy as insightface's verification.py measures it: each fold is judged with the threshold that is best on
 * the other folds, of 0, 0.01 ... 3.99 and the lowest where several are best; a pair is the same when its distance is
 * strictly below.
 */
export function tenFoldAccuracy(pairs: LabelledDistances): FoldAccuracy {
  const folds = foldCounts(pairs, accuracyGrid);
  const chosen = folds.map((_, f) => bestThreshold(trainingCounts(folds, f)));
  const perFold = folds.map((fold, f) => correct(fold, chosen[f] as number) / (fold.genuine + fold.impostor));
  return { ...meanAndStd(perFold), perFold, thresholds: chosen.map((i) => i * accuracyGrid.step) };
}

/**
 * Shares of genuine and of impostor pairs accepted at the distances 0, 0.01 ... 3.99: means over the folds, each fold
 * by itself, as verification.py has its curve. A fold without pairs of a kind counts as 0 there.
 */
export function foldRates(pairs: LabelledDistances): { tar: number[]; far: number[] } {
  const folds = foldCounts(pairs, accuracyGrid);
  const mean = (share: (fold: FoldCounts, i: number) => number) =>
    Array.from({ length: accuracyGrid.thresholds }, (_, i) => meanAndStd(folds.map((fold) => share(fold, i))).mean);
  return {
    tar: mean(({ acceptedGenuine, genuine }, i) => (acceptedGenuine[i] as number) / (genuine || 1)),
    far: mean(({ acceptedImpostor, impostor }, i) => (acceptedImpostor[i] as number) / (impostor || 1)),
  };
}

export interface ValidationRate {
  /** Share of genuine pairs accepted, mean over folds, and its population standard deviation. */
  readonly val: number;
  readonly std: number;
  /** Share of impostor pairs accepted on the same folds: what the target came to. */
  readonly far: number;
  readonly thresholds: readonly number[];
}

/**
 * VAL at a false accept rate (FaceNet, arXiv 1503.03832, section 4) as insightface's calculate_val gives it with
 * scipy 1.7, the last version that interpolates runs of equal rates in a defined order: of the thresholds 0, 0.001 ...
 * 3.999, the last with the largest training FAR not above the target, moved linearly towards the next one; 0 where even
 * the largest threshold stays below the target.
 * Undefined where a fold lacks one kind of pair: the rates do not exist there (the public code divides by zero).
 */
export function validationRate(pairs: LabelledDistances, target = 1e-3): ValidationRate | undefined {
  const folds = foldCounts(pairs, valGrid);
  if (folds.some((fold) => fold.genuine === 0 || fold.impostor === 0)) return undefined;
  const bounds = boundsOf(pairs);
  const thresholds = folds.map((_, f) => thresholdAtFar(trainingCounts(folds, f), target));
  const vals: number[] = [];
  const fars: number[] = [];
  folds.forEach((fold, f) => {
    const accepted = [0, 0];
    for (let pair = bounds[f] as number; pair < (bounds[f + 1] as number); pair++) {
      const label = pairs.same[pair] === 1 ? 1 : 0;
      if ((pairs.distance[pair] as number) < (thresholds[f] as number)) accepted[label] = (accepted[label] ?? 0) + 1;
    }
    fars.push((accepted[0] as number) / fold.impostor);
    vals.push((accepted[1] as number) / fold.genuine);
  });
  const { mean, std } = meanAndStd(vals);
  return { val: mean, std, far: meanAndStd(fars).mean, thresholds };
}

function boundsOf({ distance, same, bounds }: LabelledDistances): Int32Array {
  if (distance.length !== same.length) {
    throw new RangeError(`${distance.length} distances, but ${same.length} labels`);
  }
  return bounds ?? foldBounds(distance.length, 10);
}

function foldCounts(pairs: LabelledDistances, grid: { step: number; thresholds: number }): FoldCounts[] {
  const bounds = boundsOf(pairs);
  return Array.from({ length: bounds.length - 1 }, (_, f) =>
    countAccepted(pairs.distance, pairs.same, bounds[f] as number, bounds[f + 1] as number, grid),
  );
}

function correct(fold: FoldCounts, threshold: number): number {
  return (fold.acceptedGenuine[threshold] as number) + fold.impostor - (fold.acceptedImpostor[threshold] as number);
}

function bestThreshold(train: FoldCounts): number {
  let best = 0;
  for (let i = 1; i < train.acceptedGenuine.length; i++) if (correct(train, i) > correct(train, best)) best = i;
  return best;
}

function thresholdAtFar({ acceptedImpostor, impostor }: FoldCounts, target: number): number {
  const far = (i: number) => (acceptedImpostor[i] as number) / impostor;
  const last = acceptedImpostor.length - 1;
  if (far(last) < target) return 0;
  let low = 0;
  while (low < last && far(low + 1) <= target) low++;
  const start = low * valGrid.step;
  if (low === last) return start;
  const share = (target - far(low)) / (far(low + 1) - far(low));
  return start + share * ((low + 1) * valGrid.step - start);
}

function meanAndStd(values: readonly number[]): { mean: number; std: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return { mean, std: Math.sqrt(variance) };
}
