import { UserError } from '@headshare/core/system/user-error';

/**
 * Bounds of contiguous folds: fold f holds pairs bounds[f] to bounds[f + 1] - 1. The first `count mod folds` folds get
 * one pair more (scikit-learn's KFold without shuffle). @throws UserError for fewer pairs than folds
 */
export function foldBounds(count: number, folds: number): Int32Array {
  if (!Number.isInteger(folds) || folds < 1 || folds > count) {
    throw new UserError(`${count} pairs cannot be divided into ${folds} folds.`, 1);
  }
  const small = Math.floor(count / folds);
  return Int32Array.from({ length: folds + 1 }, (_, f) => f * small + Math.min(f, count % folds));
}

/** How many pairs of each kind a fold accepts at each threshold of a grid. */
export interface FoldCounts {
  readonly genuine: number;
  readonly impostor: number;
  /** [thresholds]: genuine pairs with a distance below the threshold. */
  readonly acceptedGenuine: Int32Array;
  readonly acceptedImpostor: Int32Array;
}

/**
 * Counts, among the pairs from `start` to `end` - 1, those with distance < i * step, i = 0 ... thresholds - 1.
 * The thresholds are the doubles i * step, as in numpy's arange.
 */
export function countAccepted(
  distance: ArrayLike<number>,
  same: ArrayLike<number>,
  start: number,
  end: number,
  grid: { readonly step: number; readonly thresholds: number },
): FoldCounts {
  const acceptedGenuine = new Int32Array(grid.thresholds);
  const acceptedImpostor = new Int32Array(grid.thresholds);
  let genuine = 0;
  for (let pair = start; pair < end; pair++) {
    const isGenuine = same[pair] === 1;
    if (isGenuine) genuine++;
    const first = firstAbove(distance[pair] as number, grid.step);
    const counts = isGenuine ? acceptedGenuine : acceptedImpostor;
    if (first < grid.thresholds) counts[first] = (counts[first] as number) + 1;
  }
  for (const counts of [acceptedGenuine, acceptedImpostor]) {
    for (let i = 1; i < counts.length; i++) counts[i] = (counts[i] as number) + (counts[i - 1] as number);
  }
  return { genuine, impostor: end - start - genuine, acceptedGenuine, acceptedImpostor };
}

/** The smallest i with value < i * step. The division only guesses; the comparison with the product decides. */
function firstAbove(value: number, step: number): number {
  let i = Math.max(0, Math.floor(value / step));
  while (i > 0 && value < (i - 1) * step) i--;
  while (!(value < i * step)) i++;
  return i;
}

/** Counts of all folds except one, on which that fold's threshold is chosen. A single fold serves itself. */
export function trainingCounts(folds: readonly FoldCounts[], test: number): FoldCounts {
  const others = folds.length === 1 ? folds : folds.filter((_, f) => f !== test);
  const sum = (pick: (fold: FoldCounts) => number) => others.reduce((total, fold) => total + pick(fold), 0);
  const add = (kind: 'acceptedGenuine' | 'acceptedImpostor') =>
    Int32Array.from({ length: others[0]?.[kind].length ?? 0 }, (_, i) => sum((fold) => fold[kind][i] as number));
  return {
    genuine: sum(({ genuine }) => genuine),
    impostor: sum(({ impostor }) => impostor),
    acceptedGenuine: add('acceptedGenuine'),
    acceptedImpostor: add('acceptedImpostor'),
  };
}
