import { terminalTable } from '@headshare/core/report/terminal-table';
import type { Difference } from './circumstances';
import { type Comparison, fewestSeeds, type Judged, type Yardstick } from './verdict';

/** What differs between then and now, a line each. */
export function circumstancesText(differing: readonly Difference[]): string {
  if (differing.length === 0) return 'Code, data, versions, device, CPU and threads are those of the run.';
  return terminalTable({
    columns: ['differs', 'then', 'now'].map((title) => ({ title })),
    rows: differing.map(({ what, before, after }) => [what, before, after]),
  });
}

export type Verdict = 'same bits' | 'same within spread' | 'not the same';

export function verdictOf({ changed, changedWeights }: Comparison, judged: readonly Judged[]): Verdict {
  if (changed.length === 0 && changedWeights.length === 0) return 'same bits';
  return judged.every(({ within }) => within) ? 'same within spread' : 'not the same';
}

/** The verdict, by what it was reached, and what changed. */
export function verdictText(
  comparison: Comparison,
  judged: readonly Judged[],
  yardstick: Yardstick | undefined,
): string {
  const { metrics, weights, changedWeights, changedStages } = comparison;
  const verdict = verdictOf(comparison, judged);
  const numbers = counted(metrics.length, 'metric');
  if (verdict === 'same bits') {
    const files = weights.length > 0 ? ` and ${counted(weights.length, 'file')} of weights` : '';
    const only = weights.length > 0 ? '' : ' (the run kept no weights, or no digest of them)';
    return `The same bits: ${numbers}${files} are equal${only}.`;
  }
  const beyond = judged.filter(({ within }) => !within).length;
  const sentence =
    judged.length === 0
      ? `The same within spread: ${numbers} are equal, the weights are not.`
      : beyond === 0
        ? `The same within spread: ${judged.length} of ${numbers} changed, by no more than ${measureOf(yardstick)}.`
        : `Not the same: ${beyond} of ${numbers} changed by more than ${measureOf(yardstick)}.`;
  const other = [
    changedWeights.length > 0 ? `Weights that are others: ${changedWeights.join(', ')}.` : '',
    (changedStages ?? []).length > 0 ? `Stages whose weights are others already: ${changedStages?.join(', ')}.` : '',
  ];
  return [sentence, ...other, judged.length > 0 ? metricsTable(judged) : ''].filter((line) => line !== '').join('\n');
}

function measureOf(yardstick: Yardstick | undefined): string {
  if (yardstick === undefined) return 'nothing';
  if (yardstick.kind === 'tolerance') return `--tolerance=${yardstick.tolerance}`;
  const seeds = [...yardstick.bySeed.keys()].sort((a, b) => Number(a) - Number(b));
  if (seeds.length >= fewestSeeds) return `seeds are apart (${seeds.join(', ')}; from ${yardstick.from})`;
  return `is known to be chance: that takes ${fewestSeeds} seeds of the same code, options and data, and there ${seeds.length === 1 ? 'is one' : 'are two'}; run others, or give --tolerance`;
}

const metricsTable = (judged: readonly Judged[]): string =>
  terminalTable({
    columns: ['metric', 'then', 'now', 'difference', 'allowed'].map((title) => ({ title })),
    rows: judged.map(({ name, before, after, allowed }) => [
      name,
      String(before ?? 'none'),
      String(after ?? 'none'),
      typeof before === 'number' && typeof after === 'number' ? (after - before).toPrecision(3) : '',
      allowed?.toPrecision(3) ?? 'unknown',
    ]),
  });

const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;
