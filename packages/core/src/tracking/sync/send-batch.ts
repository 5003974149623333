import { type Batch, type Connection, logBatch } from 'mlflow-js-client';
import { entriesOf } from './event-batches';
import { isRefusal } from './refusal';
import { requireActive } from './server-run';

/**
 * Logs a batch; when something in it is refused, halves it until what is refused stands alone.
 * @returns what was refused, a sentence each
 */
export async function sendBatch(server: Connection, runId: string, batch: Required<Batch>): Promise<string[]> {
  try {
    await logBatch(server, runId, batch);
    return [];
  } catch (error) {
    if (!isRefusal(error)) throw error;
    // MLflow refuses anything for a run that was deleted.
    await requireActive(server, runId);
    if (entriesOf(batch) === 1) return [error.message];
    const refused: string[] = [];
    for (const part of halves(batch)) refused.push(...(await sendBatch(server, runId, part)));
    return refused;
  }
}

/** Smaller batches that are the whole together. */
function halves({ metrics, params, tags }: Required<Batch>): Required<Batch>[] {
  const half = <T>(list: T[], part: 0 | 1): T[] => {
    const middle = Math.ceil(list.length / 2);
    return part === 0 ? list.slice(0, middle) : list.slice(middle);
  };
  const parts: Required<Batch>[] =
    Math.max(metrics.length, params.length, tags.length) === 1
      ? [
          { metrics, params: [], tags: [] },
          { metrics: [], params, tags: [] },
          { metrics: [], params: [], tags },
        ]
      : ([0, 1] as const).map((part) => ({
          metrics: half(metrics, part),
          params: half(params, part),
          tags: half(tags, part),
        }));
  return parts.filter((part) => entriesOf(part) > 0);
}
