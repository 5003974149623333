import type { Environment } from '@headshare/core/experiment/environment';
import type { RunIdentity } from '@headshare/core/experiment/store';
import { terminalTable } from '@headshare/core/report/terminal-table';
import { type CheckedMetric, type Comparison, fewestSeeds, type Yardstick } from './verdict';

/** The code, data and machine of a run. */
interface Circumstances {
  readonly identity: Pick<RunIdentity, 'data' | 'sources' | 'device' | 'files'>;
  readonly environment: Environment | undefined;
}

const names: Readonly<Record<keyof Environment, string>> = {
  commit: 'commit',
  uncommitted: 'uncommitted changes',
  node: 'Node',
  platform: 'platform',
  tensorflow: 'TensorFlow',
  tfjs: 'tfjs-node',
  compiler: 'compiler of the kernels',
  packages: 'package-lock.json',
  cpu: 'CPU',
  threads: 'threads',
  operations: 'parallel operations',
};

/** Prints a line for each circumstance in which two runs differ. */
export function circumstancesText(run: Circumstances, again: Circumstances): string {
  const [old, fresh] = [described(run), described(again)];
  const all = [...new Set([...Object.keys(old), ...Object.keys(fresh)])];
  const rows = all.map((what) => [what, old[what] ?? 'not recorded', fresh[what] ?? 'not recorded']);
  const differing = rows.filter(([, then, now]) => then !== now);
  if (differing.length === 0) return 'Code, data, versions, device, CPU and threads are the same as for the run.';
  return terminalTable({ columns: ['differs', 'then', 'now'].map((title) => ({ title })), rows: differing });
}

function described({ identity, environment }: Circumstances): Readonly<Record<string, string>> {
  const { data, sources, device, files = {} } = identity;
  const ofEnvironment = Object.entries(names).flatMap(([key, name]) => {
    const value = environment?.[key as keyof Environment];
    return value === undefined ? [] : [[name, key === 'commit' ? value.slice(0, 12) : value] as const];
  });
  return {
    sources,
    data,
    device,
    ...files,
    ...Object.fromEntries(ofEnvironment),
  };
}

export type Verdict = 'same bits' | 'same within spread' | 'not the same';

export function verdictOf({ changed, changedWeights }: Comparison, checked: readonly CheckedMetric[]): Verdict {
  if (changed.length === 0 && changedWeights.length === 0) return 'same bits';
  return checked.every(({ within }) => within) ? 'same within spread' : 'not the same';
}

/** Prints the verdict, its measure, and the metrics and weights that changed. */
export function verdictText(
  comparison: Comparison,
  checked: readonly CheckedMetric[],
  yardstick: Yardstick | undefined,
): string {
  const { metrics, weights, changedWeights, changedStages } = comparison;
  const verdict = verdictOf(comparison, checked);
  const numbers = counted(metrics.length, 'metric');
  if (verdict === 'same bits') {
    const files = weights.length > 0 ? ` and ${counted(weights.length, 'file')} of weights` : '';
    const only = weights.length > 0 ? '' : ' (the run kept no weights, or no digests of them)';
    return `The same bits: ${numbers}${files} are equal${only}.`;
  }
  const beyond = checked.filter(({ within }) => !within).length;
  const sentence =
    checked.length === 0
      ? `The same within the spread: ${numbers} are equal, the weights are not.`
      : beyond === 0
        ? `The same within the spread: ${checked.length} of ${numbers} changed by at most ${measureOf(yardstick)}.`
        : `Not the same: ${beyond} of ${numbers} changed by more than ${measureOf(yardstick)}.`;
  const other = [
    changedWeights.length > 0 ? `Weights that changed: ${changedWeights.join(', ')}.` : '',
    (changedStages ?? []).length > 0 ? `Stages whose weights changed: ${changedStages?.join(', ')}.` : '',
  ];
  return [sentence, ...other, checked.length > 0 ? metricsTable(checked) : ''].filter((line) => line !== '').join('\n');
}

function measureOf(yardstick: Yardstick | undefined): string {
  if (yardstick === undefined) return 'nothing';
  if (yardstick.kind === 'tolerance') return `--tolerance=${yardstick.tolerance}`;
  const seeds = [...yardstick.bySeed.keys()].sort((a, b) => Number(a) - Number(b));
  if (seeds.length >= fewestSeeds) return `the spread over seeds (${seeds.join(', ')}; from ${yardstick.from})`;
  const found = seeds.length === 1 ? 'is one' : 'are two';
  return `the spread over seeds, which is unknown: it takes ${fewestSeeds} seeds of the same code, options and data, and there ${found}; run more, or give --tolerance`;
}

const metricsTable = (checked: readonly CheckedMetric[]): string =>
  terminalTable({
    columns: ['metric', 'then', 'now', 'difference', 'allowed'].map((title) => ({ title })),
    rows: checked.map(({ name, before, after, allowed }) => [
      name,
      String(before ?? 'none'),
      String(after ?? 'none'),
      typeof before === 'number' && typeof after === 'number' ? (after - before).toPrecision(3) : '',
      allowed?.toPrecision(3) ?? 'unknown',
    ]),
  });

const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;
