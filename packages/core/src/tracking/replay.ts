import { existsSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Connection, MlflowError, type Run, updateRun } from 'mlflow-js-client';
import { tryLock } from '../runtime/process-lock';
import type { Destination } from './destination';
import type { EventOf, LoggedFile } from './event';
import { readJournal, syncedLength } from './journal';
import { dropKept } from './kept-files';
import { adoptChildren, joinParent } from './nested-runs';
import { isRefusal, isUnknownEndpoint } from './replay/refusal';
import { sendBatch } from './replay/send-batch';
import { sendDataset } from './replay/send-dataset';
import { sendArtifact } from './replay/send-files';
import { sendModel } from './replay/send-model';
import { readSent, type Sent, withRefused, writeSent } from './replay/sent';
import { existingRun, findOrCreateRun, requireActive } from './replay/server-run';
import { type Step, steps } from './replay/steps';

/** A journal on its way to a server. */
export interface Replay {
  /** Sends what the journal holds beyond what was sent. Throws what made it stop; called again, it goes on there. */
  pass(signal: AbortSignal): Promise<void>;
  /** Whether a server was found. */
  connected(): boolean;
  /** What was sent so far; undefined before the run exists on the server. */
  sent(): Sent | undefined;
  /** The run's page in MLflow's user interface, once known. */
  address(): string | undefined;
}

/** Everything is sent at least once, and is on the server once: nothing that is sent here makes a second one of itself. */
export function replayJournal(journal: string, destination: Destination): Replay {
  let sent = readSent(journal, destination.name);
  let connection: Connection | undefined;
  let uri: string | undefined;
  let run: Run | undefined;
  let noted: Sent | undefined;
  let notedAt = 0;

  const noteSent = (): void => {
    if (sent && sent !== noted) writeSent(journal, sent);
    noted = sent;
    notedAt = performance.now();
  };
  const advance = ({ end, kind }: Step, refused: readonly string[]): void => {
    if (!sent) return;
    sent = withRefused({ ...sent, bytes: end }, refused);
    // Training waits while a file takes another one's place; a batch that is sent twice is kept once.
    if (kind !== 'batch' || performance.now() - notedAt > 2000) noteSent();
  };

  const pass = async (signal: AbortSignal): Promise<void> => {
    if (!existsSync(journal) || statSync(journal).size <= (sent?.bytes ?? 0)) return;
    connection ??= await destination.connect(signal);
    uri = connection.uri;
    const release = await lockJournal(journal, signal);
    try {
      sent = readSent(journal, destination.name);
      noted = sent;
      if (sent && !run) run = await existingRun(connection, sent.runId);
      // The server's data were deleted since: it gets the whole journal.
      if (!run) {
        sent = undefined;
        const start = await startOf(journal);
        if (start === undefined) return;
        run = await findOrCreateRun(connection, start);
        const { experiment_id: experimentId, run_id: runId } = run.info;
        sent = { destination: destination.name, experimentId, runId, bytes: 0, refused: [] };
        noteSent();
      }
      const to = await syncedLength(journal);
      for await (const step of steps(readJournal(journal, sent?.bytes, to))) {
        advance(step, await sendStep(connection, run, journal, step));
        dropKept(journal, filesOf(step));
        signal.throwIfAborted();
      }
    } catch (error) {
      // A local server that died comes back at another port, and a run may have been deleted meanwhile.
      connection = undefined;
      run = undefined;
      throw error;
    } finally {
      try {
        noteSent();
      } finally {
        await release();
      }
    }
  };

  return {
    pass,
    connected: () => connection !== undefined,
    sent: () => sent,
    // The query makes MLflow show its pages for training instead of those for language models.
    address: () =>
      sent && uri
        ? `${uri}/#/experiments/${sent.experimentId}/runs/${sent.runId}?workflowType=machine_learning`
        : undefined,
  };
}

/**
 * What says which run a journal is of: its first line or, where that is damaged, the one with which the run went on.
 * Undefined while there is no line yet. Throws MlflowError INVALID_JOURNAL where none says it.
 */
async function startOf(journal: string): Promise<EventOf<'start'> | undefined> {
  let isEmpty = true;
  for await (const { event } of readJournal(journal)) {
    if (event.type === 'start') return event;
    isEmpty = false;
  }
  if (isEmpty) return undefined;
  throw new MlflowError(
    `${journal} does not say which run it is of: its beginning is damaged, and the run has not gone on since`,
    'INVALID_JOURNAL',
    0,
  );
}

/** Returns what was refused for good, a sentence each. */
async function sendStep(server: Connection, run: Run, journal: string, step: Step): Promise<readonly string[]> {
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

/** What is not needed any more when it has been sent. */
function filesOf(step: Step): readonly LoggedFile[] {
  if (step.kind !== 'event') return [];
  const { event } = step;
  if (event.type === 'model') return event.model.files;
  return event.type === 'artifact' && 'sha256' in event ? [event] : [];
}

/** How long another process is waited for that is at the same journal: `tools:sync`, or the run itself. */
const lockPatience = 15_000;

async function lockJournal(journal: string, signal: AbortSignal): Promise<() => Promise<void>> {
  // The clock of the wall may be set back.
  for (const until = performance.now() + lockPatience; ; ) {
    const release = await tryLock(journal, `${journal}.holder.lock`);
    if (release) return release;
    if (performance.now() > until) {
      throw new MlflowError(`another process is sending ${journal}, which goes on when that has ended`, 'LOCKED', 0);
    }
    await sleep(200, undefined, { signal });
  }
}
