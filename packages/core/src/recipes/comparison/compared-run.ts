import type { TopLevelSpec } from 'vega-lite';
import type { NetworkDescription } from '../../nn/network';
import type { Column } from '../../report/table';
import type { Metrics } from '../../train/metrics';
import type { SelectOn } from '../../train/task';

/** A column of result tables that shows a metric. */
export interface MetricColumn extends Column {
  readonly metric: string;
}

/** One network of one seed, as a row of the comparison names it. */
export interface ComparedRun {
  readonly row: string;
  readonly seed: number;
  readonly parameters: number;
  readonly network: NetworkDescription;
  /** After the last epoch, and of the epoch that was best. */
  readonly metrics: Metrics;
  readonly best: Metrics;
  readonly bestEpoch: number;
  /** What that epoch was chosen on. */
  readonly selectedOn: SelectOn;
  /** Where its files are: journal, embeddings, cosines of heads. Absolute. */
  readonly folder: string;
  /** Its page in MLflow. */
  readonly address?: string;
  /** The number that was published for such a network, a share of 1. */
  readonly published?: number;
}

export interface ComparisonLayout {
  readonly title: string;
  readonly columns: readonly MetricColumn[];
  /** Metrics that get a panel in the picture, by name; the first one is also what the paired tests are about. */
  readonly chartMetrics: readonly [string, ...string[]];
  readonly notes: readonly string[];
  /** Row -> rows that it is held against, seed by seed. */
  readonly baselines: ReadonlyMap<string, readonly string[]>;
  /** The row whose mean is drawn as a line. */
  readonly reference: string;
  /** Pictures that only this package's networks have, by file name without extension. */
  readonly charts?: (runs: readonly ComparedRun[]) => Promise<Readonly<Record<string, TopLevelSpec>>>;
  /** Multiply-adds of a network for one image. */
  readonly multiplyAdds: (network: NetworkDescription) => number;
}

/** Runs by row, rows in the order in which they first come. */
export function byRow(runs: readonly ComparedRun[]): ReadonlyMap<string, readonly ComparedRun[]> {
  const rows = new Map<string, ComparedRun[]>();
  for (const run of runs) rows.set(run.row, [...(rows.get(run.row) ?? []), run]);
  return rows;
}

/** How many seeds each row has, whichever they are; `text`: `One seed`, `5 seeds`, `4 to 5 seeds`. */
export function seedCounts(runs: readonly ComparedRun[]): {
  readonly least: number;
  readonly most: number;
  readonly text: string;
} {
  const counts = [...byRow(runs).values()].map((row) => row.length);
  const [least, most] = [Math.min(...counts), Math.max(...counts)];
  const range = least === most ? `${most}` : `${least} to ${most}`;
  return { least, most, text: most === 1 ? 'One seed' : `${range} seeds` };
}

/** The column of the metric that networks are told apart by. */
export function mainColumn({
  columns,
  chartMetrics: [metric],
}: Pick<ComparisonLayout, 'columns' | 'chartMetrics'>): MetricColumn {
  return columns.find((column) => column.metric === metric) ?? { metric, title: metric };
}

/** What is there of a metric in runs. */
export const valuesOf = (runs: readonly ComparedRun[], metric: string, of: 'metrics' | 'best' = 'metrics'): number[] =>
  runs.flatMap((run) => run[of][metric] ?? []);
