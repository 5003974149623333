import type { ComparedRun } from '@headshare/core/recipes/comparison/compared-run';
import { byRow, seedCounts } from '@headshare/core/recipes/comparison/compared-run';
import { type NamedRocCurve, rocChart } from '@headshare/core/report/roc-chart';
import { readEmbeddings } from './cross-model';
import type { RocCurve } from './evaluation/roc';
import { type LabelledPairs, verify } from './evaluation/verification';

/** ROC curves of a comparison's rows, each the mean of its seeds' curves. */
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
    title: 'Verification of people who were never trained on',
    subtitle: most === 1 ? text : `Mean of ${text}' curves`,
    curves,
  });
}

/** Points of a mean curve for each tenfold of the false accept rate. */
const perDecade = 60;

/**
 * The mean true accept rate at equal false accept rates, of curves over the same pairs. Scores of different networks
 * are on different scales: their pairs cannot be put into one curve.
 */
export function meanCurve(curves: readonly RocCurve[]): Omit<NamedRocCurve, 'name'> {
  const impostor = Math.min(...curves.map((curve) => curve.impostor));
  const steps = Math.ceil(perDecade * Math.log10(impostor));
  const far = Float64Array.from({ length: steps + 1 }, (_, i) => impostor ** (i / steps - 1));
  const tar = far.map((rate) => curves.reduce((sum, curve) => sum + tarAt(curve, rate), 0) / curves.length);
  return { far, tar, impostor };
}

/** The highest share of genuine pairs accepted while no more than this share of impostors is. */
function tarAt({ far, tar }: RocCurve, rate: number): number {
  // Rates are counts over the number of pairs: what is equal but for rounding counts as reached.
  const reached = rate * (1 + 1e-9);
  let [low, high] = [0, far.length - 1];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((far[middle] as number) <= reached) low = middle;
    else high = middle - 1;
  }
  return tar[low] ?? 0;
}
