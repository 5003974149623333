import { type Connection, type Run, updateRun } from 'mlflow-js-client';
import type { LoggedFile } from '../journal/event';
import type { Step } from './event-batches';
import { sendModel } from './models-and-datasets';
import { adoptChildren, joinParent } from './nested-runs';
import { isRefusal, isUnknownEndpoint } from './refusal';
import { sendBatch } from './send-batch';
import { sendDataset } from './send-dataset';
import { sendArtifact } from './send-files';
import { requireActive } from './server-run';

/** Returns what was refused for good, a sentence each. */
export async function sendStep(server: Connection, run: Run, journal: string, step: Step): Promise<readonly string[]> {
  try {
    if (step.kind === 'damaged') return [step.sentence];
    if (step.kind === 'event') return await sendEvent(server, run, journal, step.event);
    const refused = await sendBatch(server, run.info.run_id, step.batch);
    await joinParent(server, run, step.batch.tags);
    return refused;
  } catch (error) {
    const isUnknown = isUnknownEndpoint(error) && step.kind === 'event';
    if (!isUnknown && !isRefusal(error)) throw error;
    // MLflow refuses anything for a run that was deleted.
    await requireActive(server, run.info.run_id);
    return [error.message];
  }
}

async function sendEvent(
  server: Connection,
  run: Run,
  journal: string,
  event: Extract<Step, { kind: 'event' }>['event'],
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

/**
 * What need not be kept any more when it has been sent. An example of a model's input is in no other file: another server
 * that the run is sent to later gets it from there.
 */
export function filesOf(step: Step): readonly LoggedFile[] {
  if (step.kind !== 'event') return [];
  const { event } = step;
  if (event.type === 'model') return event.model.files.filter(({ path }) => path !== event.model.inputExample);
  return event.type === 'artifact' && 'sha256' in event ? [event] : [];
}
