import { get, post } from './api';
import type { Connection } from './connection';
import { invalid } from './error';
import { checkEntry } from './limits';
import { paged, take } from './page';

export interface Metric {
  key: string;
  /** Any number: NaN stays NaN; MLflow's SQL store keeps an infinity as the largest double of its sign. */
  value: number;
  /** Milliseconds since 1970. */
  timestamp: number;
  step: number;
  /** The logged model that was measured. */
  model_id?: string;
  /** The dataset that it was measured on; with `dataset_digest`. */
  dataset_name?: string;
  dataset_digest?: string;
}

/** As the server sends it: protobuf's JSON has no NaN, and leaves out what is 0. */
export interface SentMetric extends Omit<Metric, 'value' | 'timestamp' | 'step'> {
  value?: number | string;
  timestamp?: number | string;
  step?: number | string;
}

export function readMetric({ value, timestamp, step, ...rest }: SentMetric): Metric {
  return { ...rest, value: Number(value ?? 0), timestamp: Number(timestamp ?? 0), step: Number(step ?? 0) };
}

/** As it is sent. Throws INVALID_PARAMETER_VALUE for what MLflow would not take. */
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

/** Logs one point. Safe to repeat, see `logBatch`, which takes many in one request. */
export async function logMetric(connection: Connection, runId: string, metric: Metric): Promise<void> {
  await post(connection, 'runs/log-metric', { run_id: runId, ...writeMetric(metric) }, 'repeatable');
}

/** All points of one metric, page after page, in the server's order: time, then step. */
export function eachMetricPoint(
  connection: Connection,
  runId: string,
  key: string,
  { pageLength = 25_000 }: { pageLength?: number } = {},
): AsyncGenerator<Metric> {
  return paged(async (pageToken) => {
    const page = await get<{ metrics?: SentMetric[]; next_page_token?: string }>(connection, 'metrics/get-history', {
      run_id: runId,
      metric_key: key,
      max_results: pageLength,
      page_token: pageToken,
    });
    return { items: (page.metrics ?? []).map(readMetric), next: page.next_page_token };
  });
}

/** All points of one metric at once. */
export function getMetricHistory(connection: Connection, runId: string, key: string): Promise<Metric[]> {
  return take(eachMetricPoint(connection, runId, key));
}

export interface MetricInterval {
  /** 1 to 100. */
  runIds: string[];
  key: string;
  /** Both or neither; both ends belong to it. */
  steps?: { from: number; to: number };
  /** Points per run, 1 to 2500, spread evenly over the steps; the last step is always among them. */
  pointsPerRun?: number;
}

/** A thinned history of one metric in several runs, for charts. Each point has its `run_id`. */
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
