/**
 * Where contiguous folds begin: fold f holds pairs bounds[f] to bounds[f + 1] - 1. The first `count mod folds` folds
 * get one pair more (scikit-learn's KFold without shuffle).
 * Throws RangeError when there are fewer pairs than folds.
 */
export function foldBounds(count: number, folds: number): Int32Array {
  if (!Number.isInteger(folds) || folds < 1 || folds > count) {
    throw new RangeError(`${count} pairs cannot be cut into ${folds} folds`);
  }
  const small = Math.floor(count / folds);
  const larger = count % folds;
  return Int32Array.from({ length: folds + 1 }, (_, f) => f * small + Math.min(f, larger));
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
 * Counts, for the pairs from `start` to `end` - 1, those with distance < i * step, i = 0 ... thresholds - 1.
 * The thresholds are the doubles i * step, as numpy's arange makes them.
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
  accumulate(acceptedGenuine);
  accumulate(acceptedImpostor);
  return { genuine, impostor: end - start - genuine, acceptedGenuine, acceptedImpostor };
}

/** Smallest i with value < i * step; the division only guesses, the product decides, since it is what is compared. */
function firstAbove(value: number, step: number): number {
  let i = Math.max(0, Math.floor(value / step));
  while (i > 0 && value < (i - 1) * step) i--;
  while (!(value < i * step)) i++;
  return i;
}

function accumulate(counts: Int32Array): void {
  for (let i = 1; i < counts.length; i++) counts[i] = (counts[i] as number) + (counts[i - 1] as number);
}

/** Counts of all folds but one: what a fold's threshold is chosen on. With a single fold, that fold itself. */
export function trainingCounts(folds: readonly FoldCounts[], test: number): FoldCounts {
  const others = folds.length === 1 ? folds : folds.filter((_, f) => f !== test);
  const add = (pick: (fold: FoldCounts) => Int32Array) => {
    const sum = new Int32Array(pick(others[0] as FoldCounts).length);
    for (const fold of others) {
      const counts = pick(fold);
      for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] as number) + (counts[i] as number);
    }
    return sum;
  };
  return {
    genuine: others.reduce((sum, fold) => sum + fold.genuine, 0),
    impostor: others.reduce((sum, fold) => sum + fold.impostor, 0),
    acceptedGenuine: add((fold) => fold.acceptedGenuine),
    acceptedImpostor: add((fold) => fold.acceptedImpostor),
  };
}
