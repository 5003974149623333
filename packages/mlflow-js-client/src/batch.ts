import { post } from './api';
import type { Connection } from './connection';
import type { KeyValue } from './key-value';
import { checkEntries, limits } from './limits';
import { type Metric, type SentMetric, writeMetric } from './metrics';

export interface Batch {
  metrics?: Metric[];
  params?: KeyValue[];
  tags?: KeyValue[];
}

interface SentBatch {
  metrics: SentMetric[];
  params: KeyValue[];
  tags: KeyValue[];
}

/**
 * Logs metrics, params and tags in as many requests as MLflow's limits require: tags first, then params, then metrics,
 * each in the given order. A metric may have several points at one step.
 * Repeated after transient failures, which is safe: equal params and tags may be sent again, and MLflow's SQL store
 * keeps a metric point of the same name, step, time and value once.
 * Throws INVALID_PARAMETER_VALUE before anything is sent if a name or value is too long, and when a param already has
 * another value; the server has then accepted the requests before.
 */
export async function logBatch(connection: Connection, runId: string, batch: Batch): Promise<void> {
  checkEntries('tag', batch.tags ?? []);
  checkEntries('param', batch.params ?? []);
  const metrics = (batch.metrics ?? []).map(writeMetric);
  for (const chunk of chunks({ metrics, params: batch.params ?? [], tags: batch.tags ?? [] })) {
    await post(connection, 'runs/log-batch', { run_id: runId, ...chunk }, 'repeatable');
  }
}

/** Splits a batch into parts within `limits`: tags first, then params, then metrics. */
export function* chunks(batch: SentBatch): Generator<SentBatch> {
  // Leaves room for the run's id and the field names.
  const room = limits.bytes - 512;
  let chunk: SentBatch = { metrics: [], params: [], tags: [] };
  let bytes = 0;
  const kinds = ['tags', 'params', 'metrics'] as const;
  for (const kind of kinds) {
    for (const entry of batch[kind]) {
      const size = kind === 'metrics' ? mostBytes(entry as SentMetric) : Buffer.byteLength(JSON.stringify(entry)) + 1;
      const entities = chunk.metrics.length + chunk.params.length + chunk.tags.length;
      const full = chunk[kind].length >= limits[kind] || entities >= limits.entities;
      if (full || (entities > 0 && bytes + size > room)) {
        yield chunk;
        chunk = { metrics: [], params: [], tags: [] };
        bytes = 0;
      }
      if (kind === 'metrics') chunk.metrics.push(entry as SentMetric);
      else chunk[kind].push(entry as KeyValue);
      bytes += size;
    }
  }
  if (bytes > 0) yield chunk;
}

/** An upper bound of a point's bytes as JSON with a comma: encoding it to measure would take as long as sending it. */
export function mostBytes({ key, model_id = '', dataset_name = '', dataset_digest = '' }: SentMetric): number {
  // A character takes at most 6 bytes (\u0000), a number 25; the rest are field names.
  return 6 * (key.length + model_id.length + dataset_name.length + dataset_digest.length) + 3 * 25 + 120;
}
