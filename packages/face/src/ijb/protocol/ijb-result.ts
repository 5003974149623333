import {
  areaUnderCurve,
  curveOfSorted,
  equalErrorRate,
  type RocCurve,
  splitScores,
  type TarAtFar,
  tarAtFar,
  tarMetrics,
} from '../../evaluation/roc';
import { loadNativeScores } from './native-scores';

/** The false accept rates of IJB results. */
export const ijbFars = ['1e-6', '1e-5', '1e-4', '1e-3', '1e-2', '1e-1'] as const;
export type IjbFar = (typeof ijbFars)[number];

/** How well templates are verified. Rates are 0 to 1, scores -1 to 1. */
export interface IjbResult {
  readonly counts: {
    readonly images: number;
    /** Templates that have images. */
    readonly templates: number;
    /** Medias, counted once for each template that contains them. */
    readonly medias: number;
    readonly pairs: number;
    readonly genuine: number;
    readonly impostor: number;
  };
  readonly tarAtFar: TarAtFar<IjbFar>;
  readonly auc: number;
  readonly eer: number;
  /** A few thousand of the curve's points, for charts. */
  readonly roc: RocCurve;
  readonly histogram: ScoreHistogram;
}

/** Counts of scores of either kind in equal bins from `low` to `high`. */
export interface ScoreHistogram {
  readonly low: number;
  readonly high: number;
  readonly genuine: readonly number[];
  readonly impostor: readonly number[];
}

/** @param scores,same the score and label of each pair */
export async function ijbResult(
  scores: Float64Array,
  same: Uint8Array,
  counts: Pick<IjbResult['counts'], 'images' | 'templates' | 'medias'>,
): Promise<IjbResult> {
  const { genuine, impostor } = splitScores(scores, same);
  const native = loadNativeScores();
  if (native) await Promise.all([native.sortAscending(genuine), native.sortAscending(impostor)]);
  else for (const kind of [genuine, impostor]) kind.sort();
  const curve = curveOfSorted(genuine, impostor);
  return {
    counts: { ...counts, pairs: scores.length, genuine: curve.genuine, impostor: curve.impostor },
    tarAtFar: tarAtFar(curve, ijbFars),
    auc: areaUnderCurve(curve),
    eer: equalErrorRate(curve),
    roc: thinnedCurve(curve),
    histogram: { low: -1, high: 1, genuine: histogram(genuine), impostor: histogram(impostor) },
  };
}

/**
 * Metrics of a result (`tar_at_far_1e-6` ..., `auc`, `eer`), each after the prefix, without the rates that have too few
 * pairs.
 */
export const ijbMetrics = ({ tarAtFar, auc, eer }: IjbResult, prefix = ''): Record<string, number> => ({
  [`${prefix}auc`]: auc,
  [`${prefix}eer`]: eer,
  ...tarMetrics(tarAtFar, prefix),
});

/** Both ends of the curve, and the points that differ from the previous one by 0.1 % of TAR or 1 % of their FAR. */
function thinnedCurve({ far, tar, thresholds, genuine, impostor }: RocCurve): RocCurve {
  const points: number[] = [];
  let last = -1;
  for (let i = 0; i < far.length; i++) {
    const isVisible =
      last < 0 ||
      i === far.length - 1 ||
      Math.abs((tar[i] as number) - (tar[last] as number)) >= 0.001 ||
      (far[i] as number) >= 1.01 * (far[last] as number) + 1e-12;
    if (!isVisible) continue;
    points.push(i);
    last = i;
  }
  const pick = (values: Float64Array) => Float64Array.from(points, (i) => values[i] as number);
  return { far: pick(far), tar: pick(tar), thresholds: pick(thresholds), genuine, impostor };
}

const bins = 200;

/** Counts cosines, -1 to 1; the outermost bins take those that rounding moves beyond the ends. */
function histogram(scores: Float64Array): number[] {
  const counts = new Array<number>(bins).fill(0);
  for (const score of scores) {
    const bin = Math.max(0, Math.min(bins - 1, Math.floor(((score + 1) / 2) * bins)));
    counts[bin] = (counts[bin] as number) + 1;
  }
  return counts;
}
