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
 * Logs metrics, params and tags, in as many requests as MLflow's limits ask for, in order: tags and params first.
 * A metric may have several points of the same step.
 * Safe to repeat, and repeated after transient failures: params and tags of the same value may be sent again, and
 * MLflow's SQL store keeps a metric point of the same name, step, time and value once.
 * Throws INVALID_PARAMETER_VALUE when a name or value is too long, before anything is sent, and when a param is given
 * another value than it has; requests before the refused one have been taken then.
 */
export async function logBatch(connection: Connection, runId: string, batch: Batch): Promise<void> {
  checkEntries('tag', batch.tags ?? []);
  checkEntries('param', batch.params ?? []);
  const metrics = (batch.metrics ?? []).map(writeMetric);
  for (const chunk of chunks({ metrics, params: batch.params ?? [], tags: batch.tags ?? [] })) {
    await post(connection, 'runs/log-batch', { run_id: runId, ...chunk }, 'repeatable');
  }
}

/** Cuts a batch into parts that each respect `limits`. Tags and params come first, metrics after. */
export function* chunks(batch: SentBatch): Generator<SentBatch> {
  // For the run's id and the names of the fields.
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

/** No less than a point's bytes as JSON and a comma: encoding each one to know them would take as long as sending it. */
export function mostBytes({ key, model_id = '', dataset_name = '', dataset_digest = '' }: SentMetric): number {
  // A character may become \u0000; a number has at most 25 characters; the rest are the fields' names.
  return 6 * (key.length + model_id.length + dataset_name.length + dataset_digest.length) + 3 * 25 + 120;
}
