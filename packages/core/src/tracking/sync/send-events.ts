import { type Batch, type Connection, logBatch, type Run, updateRun } from 'mlflow-js-client';
import { countEntries, type EventBatch } from './event-batches';
import { sendDataset, sendModel } from './models-and-datasets';
import { sendArtifact } from './send-files';
import { adoptChildren, isRefusal, isUnknownEndpoint, joinParent, requireActive } from './server-run';

/** Sends a batch. @returns a sentence for each entry that was refused for good */
export async function sendEvents(
  server: Connection,
  run: Run,
  journal: string,
  batch: EventBatch,
): Promise<readonly string[]> {
  try {
    if (batch.kind === 'damaged') return [batch.sentence];
    if (batch.kind === 'event') return await sendEvent(server, run, journal, batch.event);
    const refused = await sendBatch(server, run.info.run_id, batch.batch);
    await joinParent(server, run, batch.batch.tags);
    return refused;
  } catch (error) {
    const isUnknown = isUnknownEndpoint(error) && batch.kind === 'event';
    if (!isUnknown && !isRefusal(error)) throw error;
    // MLflow refuses everything for a deleted run.
    await requireActive(server, run.info.run_id);
    return [error.message];
  }
}

async function sendEvent(
  server: Connection,
  run: Run,
  journal: string,
  event: Extract<EventBatch, { kind: 'event' }>['event'],
): Promise<readonly string[]> {
  const runId = run.info.run_id;
  switch (event.type) {
    case 'start':
      await updateRun(server, runId, { status: 'RUNNING' });
      return [];
    case 'artifact':
      return sendArtifact(server, run.info, journal, event);
    case 'dataset':
      await sendDataset(server, runId, event.dataset);
      return [];
    case 'model':
      return sendModel(server, run, journal, event);
    case 'finish':
      await updateRun(server, runId, { status: event.status, endTime: event.time });
      await adoptChildren(server, run);
      return [];
  }
}

/** Logs a batch; if it is refused, halves it until the refused entries stand alone. @returns a sentence for each */
async function sendBatch(server: Connection, runId: string, batch: Required<Batch>): Promise<string[]> {
  try {
    await logBatch(server, runId, batch);
    return [];
  } catch (error) {
    if (!isRefusal(error)) throw error;
    // MLflow refuses everything for a deleted run.
    await requireActive(server, runId);
    if (countEntries(batch) === 1) return [error.message];
    const refused: string[] = [];
    for (const part of halves(batch)) refused.push(...(await sendBatch(server, runId, part)));
    return refused;
  }
}

/** Splits a batch of at least two entries into smaller ones. */
function halves({ metrics, params, tags }: Required<Batch>): Required<Batch>[] {
  const none = { metrics: [], params: [], tags: [] };
  if (Math.max(metrics.length, params.length, tags.length) === 1) {
    return [
      { ...none, metrics },
      { ...none, params },
      { ...none, tags },
    ].filter((part) => countEntries(part) > 0);
  }
  const [m, p, t] = [metrics, params, tags].map((list) => Math.ceil(list.length / 2));
  return [
    { metrics: metrics.slice(0, m), params: params.slice(0, p), tags: tags.slice(0, t) },
    { metrics: metrics.slice(m), params: params.slice(p), tags: tags.slice(t) },
  ];
}
