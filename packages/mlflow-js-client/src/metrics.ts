import { get, getPages, post, take } from './api';
import type { Connection } from './connection';
import { invalid } from './error';
import { checkEntry } from './limits';

export interface Metric {
  key: string;
  /** Any number, also NaN; MLflow's SQL store turns an infinity into the largest double. */
  value: number;
  /** Milliseconds since 1970. */
  timestamp: number;
  step: number;
  /** The evaluated logged model. */
  model_id?: string;
  /** The dataset of the evaluation, together with `dataset_digest`. */
  dataset_name?: string;
  dataset_digest?: string;
}

/** The server's form: protobuf's JSON has strings for NaN and infinities, and omits zeros. */
export interface SentMetric extends Omit<Metric, 'value' | 'timestamp' | 'step'> {
  value?: number | string;
  timestamp?: number | string;
  step?: number | string;
}

export function readMetric({ value, timestamp, step, ...rest }: SentMetric): Metric {
  return { ...rest, value: Number(value ?? 0), timestamp: Number(timestamp ?? 0), step: Number(step ?? 0) };
}

/** A metric in the server's form. Throws INVALID_PARAMETER_VALUE if MLflow would refuse it. */
export function writeMetric(metric: Metric): SentMetric {
  const { key, value, timestamp, step } = metric;
  checkEntry('metric', key);
  if (typeof value !== 'number') throw invalid(`metric "${key}" is ${value}, not a number`);
  if (!Number.isSafeInteger(step)) throw invalid(`metric "${key}" has step ${step}, not an integer`);
  if (!Number.isSafeInteger(timestamp) || timestamp < 0) {
    throw invalid(`metric "${key}" has timestamp ${timestamp}, not whole milliseconds since 1970`);
  }
  return { ...metric, value: Number.isFinite(value) ? value : String(value) };
}

/** Logs one point; `logBatch` logs many in one request. Safe to repeat, as there. */
export async function logMetric(connection: Connection, runId: string, metric: Metric): Promise<void> {
  await post(connection, 'runs/log-metric', { run_id: runId, ...writeMetric(metric) }, 'repeatable');
}

/** Yields all points of one metric by time, then step. */
export function eachMetricPoint(
  connection: Connection,
  runId: string,
  key: string,
  { pageLength = 25_000 }: { pageLength?: number } = {},
): AsyncGenerator<Metric> {
  const query = { run_id: runId, metric_key: key, max_results: pageLength };
  type Page = { metrics?: SentMetric[] };
  return getPages(connection, 'metrics/get-history', query, ({ metrics = [] }: Page) => metrics.map(readMetric));
}

/** All points of one metric. */
export function getMetricHistory(connection: Connection, runId: string, key: string): Promise<Metric[]> {
  return take(eachMetricPoint(connection, runId, key));
}

export interface MetricInterval {
  /** 1 to 100. */
  runIds: string[];
  key: string;
  /** Inclusive. */
  steps?: { from: number; to: number };
  /** Points per run, 1 to 2500, spread evenly over the steps and including the last one. */
  pointsPerRun?: number;
}

/** A sampled history of one metric in several runs, for charts. */
export async function getMetricInterval(
  connection: Connection,
  { runIds, key, steps, pointsPerRun }: MetricInterval,
): Promise<(Metric & { run_id: string })[]> {
  const answer = await get<{ metrics?: (SentMetric & { run_id: string })[] }>(
    connection,
    'metrics/get-history-bulk-interval',
    {
      run_ids: runIds,
      metric_key: key,
      start_step: steps?.from,
      end_step: steps?.to,
      max_results: pointsPerRun,
    },
  );
  return (answer.metrics ?? []).map((point) => ({ ...readMetric(point), run_id: point.run_id }));
}
