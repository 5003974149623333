import type { TopLevelSpec } from 'vega-lite';
import type { FinishedRun } from '../../experiment/define';
import { type RowName, rowText } from '../../experiment/sweep/plan-sweep';
import type { NetworkDescription } from '../../nn/network';
import { UserError } from '../../system/user-error';
import { checkpointFiles } from '../../train/checkpoint';
import type { Metrics } from '../../train/metrics';
import type { NetworkResult } from '../network-stages';
import type { ComparedRun, MetricColumn } from './compared-run';
import { type Kind, type OptionValues, rank, titleOf } from './kinds';
import { sameNetworks, underNewNames } from './same-networks';
import { type ComparisonResult, writeReport } from './write-report';

/** How a package's networks are reported. */
export interface ReportedDomain {
  readonly label: string;
  readonly profiles: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly columns: readonly MetricColumn[];
  /** Metrics that get a panel in a comparison's picture; differences are tested by the first. */
  readonly chartMetrics: readonly [string, ...string[]];
  /** Numbers that were published. */
  readonly published?: {
    /** Of a network (`teacher`, `student alone`, or a method) under these options: a share of 1, by the first of `chartMetrics`. */
    readonly of: (network: string, options: OptionValues) => number | undefined;
    /** Where they are from. */
    readonly note: string;
  };
  /** Pictures that only these networks have, by file name without extension. @param options of the first run */
  readonly charts?: (
    runs: readonly ComparedRun[],
    options: OptionValues,
  ) => Promise<Readonly<Record<string, TopLevelSpec>>>;
}

/** A training that has finished, in its place in a report. */
export interface Training {
  readonly name: RowName;
  readonly seed: number;
  readonly kind: Kind;
  readonly options: OptionValues;
  readonly finished: FinishedRun<NetworkResult>;
  /** Absolute. */
  readonly folder: string;
  /** What was measured of it beside others. */
  readonly related?: Metrics;
}

export interface ReportRequest {
  readonly trainings: readonly Training[];
  /** Rows, by their texts, and those that each is held against. */
  readonly baselines: ReadonlyMap<string, readonly string[]>;
  /** Lines under tables: what the numbers are. */
  readonly notes: readonly string[];
  /** Where the report goes. */
  readonly folder: string;
}

/** Reports networks side by side, teachers first. @throws UserError when there are none */
export async function reportTrainings(
  { label, columns, chartMetrics, published, charts }: ReportedDomain,
  { trainings, baselines, notes, folder }: ReportRequest,
): Promise<ComparisonResult> {
  const [first] = trainings;
  if (first === undefined) throw new UserError('no training has finished: there is nothing to report', 1);
  const { measure } = await import('../../nn/measure');
  const sizes = new Map<string, number>();
  const multiplyAdds = (network: NetworkDescription): number => {
    const { backbone, inputSize, width, embeddingSize } = network;
    const key = JSON.stringify([backbone, inputSize, width, embeddingSize]);
    const known = sizes.get(key) ?? measure(backbone, { inputSize, width, embeddingSize }).multiplyAdds;
    sizes.set(key, known);
    return known;
  };
  const alike = sameNetworks(
    trainings.map(({ name, seed, finished }) => ({ name, seed, weights: finished.digests?.[checkpointFiles.last] })),
  );
  const rowOf = (row: string): string => rowText(alike.get(row) ?? { title: row, settings: {} });
  const inOrder = [...trainings].sort((a, b) => rank(a.kind) - rank(b.kind));
  const compared = onePerSeed(inOrder.map((one) => comparedRun(one, rowOf(rowText(one.name)), published)));
  const layout = {
    title: label,
    // The best epoch of the main metric has a column of its own.
    columns: columns.filter(
      ({ metric }) => !metric.startsWith('best/') && compared.some(({ metrics }) => metrics[metric] !== undefined),
    ),
    chartMetrics,
    notes: [
      ...notes,
      ...[...new Set([...alike.values()].map(rowText))].map((row) => `${row}: the same networks, bit by bit.`),
      ...(compared.some((run) => run.published !== undefined) && published ? [published.note] : []),
    ],
    reference: 'teacher',
    baselines: underNewNames(baselines, rowOf),
    multiplyAdds,
    ...(charts && { charts: (those: readonly ComparedRun[]) => charts(those, first.options) }),
  };
  return writeReport(compared, layout, folder);
}

function comparedRun(
  { seed, kind, options, finished, folder, related }: Training,
  row: string,
  published: ReportedDomain['published'],
): ComparedRun {
  const { parameters, network, metrics, best, bestEpoch, selectedOn } = finished.result;
  const theirs = published?.of(titleOf(kind, options), options);
  return {
    row,
    seed,
    parameters,
    network,
    best,
    bestEpoch,
    selectedOn,
    folder,
    metrics: { ...metrics, ...related },
    ...(finished.address !== undefined && { address: finished.address }),
    ...(theirs !== undefined && { published: theirs }),
  };
}

/** Of rows that have become one, one run a seed: the others are the same. */
function onePerSeed(runs: readonly ComparedRun[]): readonly ComparedRun[] {
  const found = new Map<string, ComparedRun>();
  for (const run of runs) {
    const place = JSON.stringify([run.row, run.seed]);
    if (!found.has(place)) found.set(place, run);
  }
  return [...found.values()];
}
