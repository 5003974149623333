import type { ComparedRun } from '@headshare/core/recipes/comparison/compared-run';
import { byRow, seedCounts } from '@headshare/core/recipes/comparison/compared-run';
import { type NamedRocCurve, rocChart } from '@headshare/core/report/roc-chart';
import { readEmbeddings } from './cross-model';
import type { LabelledPairs } from './evaluation/pair-distances';
import type { RocCurve } from './evaluation/roc';
import { verify } from './evaluation/verification';

/** A chart with a ROC curve for each row of a comparison, the mean of its seeds' curves. */
export function rocByRow(runs: readonly ComparedRun[], pairs: LabelledPairs) {
  const curves = [...byRow(runs)].flatMap(([name, ofRow]) => {
    const ofSeeds = ofRow.flatMap(({ folder }) => {
      const images = readEmbeddings(folder);
      return images ? [verify({ ...images, pairs }).roc] : [];
    });
    return ofSeeds.length > 0 ? [{ name, ...meanCurve(ofSeeds) }] : [];
  });
  const { most, text } = seedCounts(runs);
  return rocChart({
    title: 'Verification of people who are not in the training set',
    subtitle: most === 1 ? text : `Mean of ${text}' curves`,
    curves,
  });
}

/** Points of a mean curve for each power of ten of the false accept rate. */
const perDecade = 60;

/**
 * The mean true accept rate at equal false accept rates of curves over the same pairs. The scores of different networks
 * have different scales, so the pairs of several networks cannot share one curve.
 */
export function meanCurve(curves: readonly RocCurve[]): Omit<NamedRocCurve, 'name'> {
  const impostor = Math.min(...curves.map((curve) => curve.impostor));
  const steps = Math.max(1, Math.ceil(perDecade * Math.log10(impostor)));
  const far = Float64Array.from({ length: steps + 1 }, (_, i) => impostor ** (i / steps - 1));
  const columns = curves.map((curve) => tarsAt(curve, far));
  const tar = far.map((_, i) => columns.reduce((sum, column) => sum + (column[i] as number), 0) / curves.length);
  return { far, tar, impostor };
}

/** The highest share of genuine pairs accepted at no more than each of these ascending false accept rates. */
function tarsAt({ far, tar }: RocCurve, rates: Float64Array): Float64Array {
  let point = 0;
  return rates.map((rate) => {
    // Rates are fractions of the number of pairs: the tolerance absorbs rounding.
    while ((far[point + 1] ?? Number.POSITIVE_INFINITY) <= rate * (1 + 1e-9)) point++;
    return tar[point] ?? 0;
  });
}
