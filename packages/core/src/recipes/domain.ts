import type { TopLevelSpec } from 'vega-lite';
import type { RunContext, Stage } from '../experiment/define';
import type { Options, Values } from '../experiment/option';
import type { ImageSize } from '../system/image-size';
import type { Metrics } from '../train/evaluation/metrics';
import type { Task } from '../train/evaluation/task';
import type { ComparedRun, MetricColumn } from './comparison/compared-run';
import type { MethodDefaults } from './distillation-options';
import type { TrainingValues } from './training-options';

type OptionValues = Readonly<Record<string, unknown>>;

/** A package's part of its experiments: its data and its reports. @typeParam D its options for the data */
export interface Domain<D extends Options> {
  /** Its networks, in the singular: `face model`. */
  readonly label: string;
  readonly profiles: Readonly<Record<string, OptionValues>>;
  readonly dataOptions: D;
  /** The size of the images that options name. */
  readonly imageSize: (options: Values<D>) => ImageSize;
  /** Opens the data that options name, with its metrics. */
  readonly taskOf: (options: Values<D>) => Task | Promise<Task>;
  readonly methodDefaults: MethodDefaults;
  readonly columns: readonly MetricColumn[];
  /** Metrics with a panel in the chart of a comparison; the first is the main one, which the paired tests compare. */
  readonly chartMetrics: readonly [string, ...string[]];
  /** Lines under tables that explain the numbers. */
  readonly notes: (options: Values<D>) => readonly string[];
  /** Further charts, by file name without extension. @param options of the first run */
  readonly charts?: (
    runs: readonly ComparedRun[],
    options: OptionValues,
  ) => Promise<Readonly<Record<string, TopLevelSpec>>>;
  readonly published?: {
    /** The published number, a share of 1, of a network (`teacher`, `student alone`, or a method) with these options. */
    readonly of: (network: string, options: OptionValues) => number | undefined;
    /** Its source, as a line under the table. */
    readonly note: string;
  };
  /**
   * A long benchmark of finished networks, at the end of a stage. A run that fails in it resumes with it. All workers come
   * to it, and home alone has a result.
   */
  readonly benchmark?: (
    context: RunContext<Values<D> & TrainingValues>,
    networks: FinishedNetworks,
  ) => Promise<BenchmarkResult | undefined>;
  /** Columns of a comparison for the metrics of `benchmark`. */
  readonly benchmarkColumns?: readonly MetricColumn[];
}

/** Networks by their names in tables, with the folders of their stages. */
export interface FinishedNetworks {
  /** In the order of a table's rows; the last one is the stage's own. */
  readonly folders: Readonly<Record<string, string>>;
  /** The name of the last one's teacher. */
  readonly teacher?: string;
}

export interface BenchmarkResult {
  /** Metrics of the stage's own network. */
  readonly metrics: Metrics;
  /** Files in the stage's folder. */
  readonly files: readonly string[];
  /** A table for the terminal. */
  readonly summary: string;
}

const domains = new WeakMap<Stage, Domain<Options>>();

/** Remembers the package's part of experiments. */
export function declareDomain(stages: readonly Stage[], domain: Domain<Options>): void {
  for (const stage of stages) domains.set(stage, domain);
}

/** The package's part of an experiment that trains networks; undefined for other experiments. */
export const domainOf = (stage: Stage): Domain<Options> | undefined => domains.get(stage);
