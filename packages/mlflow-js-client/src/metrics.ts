import { type Connection, sendForJson } from './connection';
import { MlflowError } from './error';
import type { KeyValue } from './runs';

export interface Metric {
  key: string;
  /** Any number: NaN stays NaN; MLflow's SQL store keeps an infinity as the largest double of its sign. */
  value: number;
  /** Milliseconds since 1970. */
  timestamp: number;
  step: number;
}

export interface Batch {
  metrics?: Metric[];
  params?: KeyValue[];
  tags?: KeyValue[];
}

/** What one runs/log-batch request may hold, and how long names and values may be (characters; bytes for the whole). */
export const limits = {
  metrics: 1000,
  params: 100,
  tags: 100,
  entities: 1000,
  bytes: 1_000_000,
  keyLength: 250,
  paramLength: 6000,
  tagLength: 5000,
} as const;

/**
 * Logs metrics, params and tags, in as many requests as MLflow's limits ask for, in order.
 * Safe to repeat: params and tags of the same value may be sent again, and MLflow's SQL store keeps a metric point of
 * the same name, step, time and value once.
 * Throws INVALID_PARAMETER_VALUE when a param is given another value than it has, or a name or value is too long.
 */
export async function logBatch(connection: Connection, runId: string, batch: Batch): Promise<void> {
  for (const chunk of chunks(batch)) {
    await sendForJson(connection, {
      method: 'POST',
      path: '/api/2.0/mlflow/runs/log-batch',
      json: {
        run_id: runId,
        metrics: chunk.metrics?.map((metric) => ({ ...metric, value: jsonNumber(metric.value) })),
        params: chunk.params,
        tags: chunk.tags,
      },
      repeatable: true,
    });
  }
}

/** Cuts a batch into parts that each respect `limits`. Tags and params come first, metrics after. */
export function* chunks(batch: Batch): Generator<Batch> {
  let chunk: Required<Batch> = { metrics: [], params: [], tags: [] };
  let bytes = 0;
  const kinds = ['tags', 'params', 'metrics'] as const;
  for (const kind of kinds) {
    for (const entry of batch[kind] ?? []) {
      // 20 bytes are left for what jsonNumber adds, and half a kilobyte of the whole for the run's id and field names.
      const size = Buffer.byteLength(JSON.stringify(entry)) + 20;
      const entities = chunk.metrics.length + chunk.params.length + chunk.tags.length;
      const full = chunk[kind].length >= limits[kind] || entities >= limits.entities;
      if (full || (entities > 0 && bytes + size > limits.bytes - 512)) {
        yield chunk;
        chunk = { metrics: [], params: [], tags: [] };
        bytes = 0;
      }
      if (kind === 'metrics') chunk.metrics.push(entry as Metric);
      else chunk[kind].push(entry as KeyValue);
      bytes += size;
    }
  }
  if (bytes > 0) yield chunk;
}

/** All points of one metric, oldest step first as the server orders them. */
export async function getMetricHistory(connection: Connection, runId: string, key: string): Promise<Metric[]> {
  const metrics: Metric[] = [];
  let pageToken: string | undefined;
  do {
    const page = await sendForJson<{
      metrics?: (Omit<Metric, 'value'> & { value: number | string })[];
      next_page_token?: string;
    }>(connection, {
      method: 'GET',
      path: '/api/2.0/mlflow/metrics/get-history',
      query: { run_id: runId, metric_key: key, max_results: 25_000, page_token: pageToken },
    });
    for (const { value, timestamp, step } of page.metrics ?? []) {
      metrics.push({ key, value: Number(value), timestamp: Number(timestamp), step: Number(step) });
    }
    pageToken = page.next_page_token;
  } while (pageToken);
  return metrics;
}

/** JSON has no NaN and no infinities; MLflow (protobuf's JSON) reads them as these strings. */
function jsonNumber(value: number): number | string {
  if (typeof value !== 'number') throw new MlflowError(`${value} is not a number`, 'INVALID_PARAMETER_VALUE', 0);
  return Number.isFinite(value) ? value : String(value);
}
