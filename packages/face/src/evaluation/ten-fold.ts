import { countAccepted, type FoldCounts, trainingCounts } from './folds';

/** Labelled squared distances. `same`: 1 the same person, 0 different people. */
export interface LabelledDistances {
  readonly distance: ArrayLike<number>;
  readonly same: ArrayLike<number>;
  /** See foldBounds. */
  readonly bounds: Int32Array;
}

export interface FoldAccuracy {
  readonly mean: number;
  /** Population standard deviation over the folds (divided by their number). */
  readonly std: number;
  readonly perFold: readonly number[];
  /** Each fold's threshold on the squared distance, chosen on the other folds. */
  readonly thresholds: readonly number[];
}

const accuracyGrid = { step: 0.01, thresholds: 400 };
const valGrid = { step: 0.001, thresholds: 4000 };

/**
 * LFW's accuracy as insightface's verification.py measures it: a pair is accepted if its distance is strictly below the
 * fold's threshold, which is the best on the other folds of 0, 0.01 ... 3.99, the lowest of equally good ones.
 */
export function tenFoldAccuracy(pairs: LabelledDistances): FoldAccuracy {
  const folds = foldCounts(pairs, accuracyGrid);
  const chosen = folds.map((_, f) => bestThreshold(trainingCounts(folds, f)));
  const perFold = folds.map((fold, f) => correct(fold, chosen[f] as number) / (fold.genuine + fold.impostor));
  return { ...meanAndStd(perFold), perFold, thresholds: chosen.map((i) => i * accuracyGrid.step) };
}

export interface ValidationRate {
  /** Share of genuine pairs accepted, mean over folds, and its population standard deviation. */
  readonly val: number;
  readonly std: number;
  /** Share of impostor pairs accepted on the same folds: the FAR that was reached. */
  readonly far: number;
  readonly thresholds: readonly number[];
}

/**
 * VAL at a false accept rate (FaceNet, arXiv 1503.03832, section 4) as insightface's calculate_val gives it with
 * scipy 1.7, the last version that interpolates runs of equal rates in a defined order: of the thresholds 0, 0.001 ...
 * 3.999, the last with the largest training FAR not above the target, moved linearly towards the next one; 0 if even
 * the largest threshold stays below the target.
 * @returns undefined if a fold lacks one kind of pair: the rates do not exist (the public code divides by zero)
 */
export function validationRate(pairs: LabelledDistances, target = 1e-3): ValidationRate | undefined {
  const { distance, same, bounds } = pairs;
  const folds = foldCounts(pairs, valGrid);
  if (folds.some((fold) => fold.genuine === 0 || fold.impostor === 0)) return undefined;
  const thresholds = folds.map((_, f) => thresholdAtFar(trainingCounts(folds, f), target));
  const accepted = (f: number, label: 0 | 1) => {
    let count = 0;
    for (let pair = bounds[f] as number; pair < (bounds[f + 1] as number); pair++) {
      if ((same[pair] === 1) === (label === 1) && (distance[pair] as number) < (thresholds[f] as number)) count++;
    }
    return count;
  };
  const { mean, std } = meanAndStd(folds.map(({ genuine }, f) => accepted(f, 1) / genuine));
  return {
    val: mean,
    std,
    far: meanAndStd(folds.map(({ impostor }, f) => accepted(f, 0) / impostor)).mean,
    thresholds,
  };
}

function foldCounts({ distance, same, bounds }: LabelledDistances, grid: typeof accuracyGrid): FoldCounts[] {
  if (distance.length !== same.length) throw new RangeError(`${distance.length} distances, but ${same.length} labels`);
  return Array.from({ length: bounds.length - 1 }, (_, f) =>
    countAccepted(distance, same, bounds[f] as number, bounds[f + 1] as number, grid),
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
