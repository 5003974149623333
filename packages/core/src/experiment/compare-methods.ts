import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { comparisonChart } from '../report/comparison-chart';
import { drawPicture } from '../report/picture';
import { comparePaired, summarise } from '../report/statistics';
import { type Column, csvTable, markdownTable, type Table } from '../report/table';
import { terminalTable } from '../report/terminal-table';
import type { Metrics } from '../train/trainer';
import type { StageResult } from './define';

/** A column of result tables that shows a metric. */
export interface MetricColumn extends Column {
  readonly metric: string;
}

/** One network of one seed, as a row of the comparison names it. */
export interface ComparedRun {
  readonly row: string;
  readonly seed: number;
  readonly parameters: number;
  readonly metrics: Metrics;
}

export interface ComparisonResult extends StageResult {
  readonly runs: readonly ComparedRun[];
}

/** The rows that are students and may be told apart by a paired test; `baselines` are what others are held against. */
export interface ComparisonLayout {
  readonly title: string;
  readonly columns: readonly MetricColumn[];
  /** Metrics that get a panel in the picture, by name; the first one is also what the paired tests are about. */
  readonly pictured: readonly [string, ...string[]];
  readonly notes: readonly string[];
  /** Row -> rows that it is held against, seed by seed. */
  readonly baselines: Readonly<Record<string, readonly string[]>>;
  /** The row whose mean is drawn as a line. */
  readonly reference: string;
}

/** Tables, pictures and numbers of runs side by side; writes `comparison.{md,csv,svg,png}` into the folder. */
export async function reportComparison(
  runs: readonly ComparedRun[],
  layout: ComparisonLayout,
  folder: string,
): Promise<ComparisonResult> {
  const rows = [...new Set(runs.map(({ row }) => row))];
  const values = (row: string, metric: string): number[] =>
    runs.filter((run) => run.row === row).flatMap(({ metrics }) => metrics[metric] ?? []);
  const parametersOf = (row: string) => runs.find((run) => run.row === row)?.parameters;
  const cell = (numbers: readonly number[]) => (numbers.length > 0 ? summarise(numbers) : undefined);
  const seeds = new Set(runs.map(({ seed }) => seed)).size;

  const results: Table = {
    columns: [{ title: layout.title }, { title: 'parameters', digits: 0 }, ...layout.columns],
    rows: rows.map((row) => [row, parametersOf(row), ...layout.columns.map(({ metric }) => cell(values(row, metric)))]),
    notes: [seeds === 1 ? 'One seed.' : `Mean ± standard deviation over ${seeds} seeds.`, ...layout.notes],
  };
  const differences = differencesTable(runs, layout);
  const panels = layout.columns
    .filter(({ metric }) => layout.pictured.includes(metric))
    .map(({ metric, title, percent }) => {
      const present = rows.filter((row) => row !== layout.reference && values(row, metric).length > 0);
      const reference = values(layout.reference, metric);
      return {
        title,
        metric: title,
        percent,
        values: Object.fromEntries(present.map((row) => [row, values(row, metric)])),
        ...(reference.length > 0 && { reference: { label: layout.reference, value: summarise(reference).mean } }),
      };
    });
  const methods = rows.filter((row) => row !== layout.reference);
  const { svg, png } = await drawPicture(
    comparisonChart({ title: layout.title, subtitle: `${seeds} seeds`, methods, panels }),
  );
  const tables = [results, ...(differences ? [differences] : [])];
  writeFileSync(join(folder, 'comparison.svg'), svg);
  writeFileSync(join(folder, 'comparison.png'), png);
  writeFileSync(join(folder, 'comparison.md'), tables.map((table) => markdownTable(table)).join('\n'));
  writeFileSync(join(folder, 'comparison.csv'), csvTable(runsTable(runs, layout)));
  return {
    runs,
    metrics: Object.fromEntries(
      rows.flatMap((row) =>
        layout.columns.flatMap(({ metric }) => {
          const numbers = values(row, metric);
          return numbers.length > 0 ? [[`${row.replace(/[^\w.\- ]/g, '')}/${metric}`, summarise(numbers).mean]] : [];
        }),
      ),
    ),
    summary: tables.map((table) => terminalTable(table)).join('\n\n'),
    files: ['comparison.svg', 'comparison.png', 'comparison.md', 'comparison.csv'],
  };
}

/** Differences of the first pictured metric seed by seed, with the paired t-test's p; nothing for a single seed. */
function differencesTable(
  runs: readonly ComparedRun[],
  { columns, pictured: [metric], baselines }: ComparisonLayout,
): Table | undefined {
  const column = columns.find((it) => it.metric === metric);
  const bySeed = (row: string) =>
    new Map(runs.filter((run) => run.row === row).map((run) => [run.seed, run.metrics[metric]]));
  const rows = Object.entries(baselines).flatMap(([row, others]) =>
    others.flatMap((other) => {
      const first = bySeed(row);
      const second = bySeed(other);
      const pairs = [...first].flatMap(([seed, a]) => {
        const b = second.get(seed);
        return a === undefined || b === undefined ? [] : [[a, b] as const];
      });
      if (pairs.length < 2) return [];
      const { difference, p } = comparePaired(
        pairs.map(([a]) => a),
        pairs.map(([, b]) => b),
      );
      return [[`${row} − ${other}`, difference, p ?? Number.NaN]];
    }),
  );
  if (rows.length === 0) return undefined;
  return {
    columns: [
      { title: 'difference by seed' },
      { title: column?.title ?? metric, percent: column?.percent },
      { title: 'p (paired t-test)', digits: 4 },
    ],
    rows,
  };
}

const runsTable = (runs: readonly ComparedRun[], { columns }: ComparisonLayout): Table => ({
  columns: [{ title: 'network' }, { title: 'seed', digits: 0 }, { title: 'parameters', digits: 0 }, ...columns],
  rows: runs.map(({ row, seed, parameters, metrics }) => [
    row,
    seed,
    parameters,
    ...columns.map(({ metric }) => metrics[metric]),
  ]),
});
