import type { TopLevelSpec } from 'vega-lite';
import type { NetworkDescription } from '../../nn/network';
import type { Column } from '../../report/table';
import type { NetworkResult } from '../network-stages';

/** A table column for a metric. */
export interface MetricColumn extends Column {
  readonly metric: string;
}

type Measured = 'parameters' | 'network' | 'metrics' | 'best' | 'bestEpoch' | 'selectedOn';

/** One network of one seed, and its row in the comparison. */
export interface ComparedRun extends Pick<NetworkResult, Measured> {
  readonly row: string;
  readonly seed: number;
  /** The run's folder, absolute: journal, embeddings, cosines of heads. */
  readonly folder: string;
  /** Its page in MLflow. */
  readonly address?: string | undefined;
  /** The published number for such a network, a share of 1. */
  readonly published?: number | undefined;
}

export interface ComparisonLayout {
  readonly title: string;
  readonly columns: readonly MetricColumn[];
  /** Metrics with a panel in the comparison's chart; the first is the main one, which the paired tests compare. */
  readonly chartMetrics: readonly [string, ...string[]];
  readonly notes: readonly string[];
  /** The rows that each row is compared with, seed by seed. */
  readonly baselines: ReadonlyMap<string, readonly string[]>;
  /** Further charts of the package, by file name without extension. */
  readonly charts?: (runs: readonly ComparedRun[]) => Promise<Readonly<Record<string, TopLevelSpec>>>;
  /** Multiply-adds of a network for one image. */
  readonly multiplyAdds: (network: NetworkDescription) => number;
}

/** Runs by row, rows in the order of their first runs. */
export function byRow(runs: readonly ComparedRun[]): ReadonlyMap<string, readonly ComparedRun[]> {
  const rows = new Map<string, ComparedRun[]>();
  for (const run of runs) rows.set(run.row, [...(rows.get(run.row) ?? []), run]);
  return rows;
}

/** The numbers of seeds of the rows; `text`: `One seed`, `5 seeds`, `4 to 5 seeds`. */
export function seedCounts(runs: readonly ComparedRun[]) {
  const counts = [...byRow(runs).values()].map((row) => row.length);
  const [least, most] = [Math.min(...counts), Math.max(...counts)];
  const range = least === most ? `${most}` : `${least} to ${most}`;
  return { least, most, text: most === 1 ? 'One seed' : `${range} seeds` };
}

/** The column of the main metric. */
export function mainColumn(layout: Pick<ComparisonLayout, 'columns' | 'chartMetrics'>): MetricColumn {
  const [metric] = layout.chartMetrics;
  return layout.columns.find((column) => column.metric === metric) ?? { metric, title: metric };
}

/** The values of a metric, after the last epoch or of the best one, from the runs that have it. */
export const valuesOf = (runs: readonly ComparedRun[], metric: string, of: 'metrics' | 'best' = 'metrics'): number[] =>
  runs.flatMap((run) => run[of][metric] ?? []);
