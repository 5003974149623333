import { existsSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Connection, MlflowError, type Run } from 'mlflow-js-client';
import { tryLock } from '../../system/process-lock';
import type { EventOf } from '../journal/event';
import { readJournal, syncedLength } from '../journal/journal';
import { dropKept } from '../journal/spool';
import type { Destination } from './destination';
import { steps } from './event-batches';
import { runPage } from './run-page';
import { filesOf, sendStep } from './send-events';
import { existingRun, findOrCreateRun } from './server-run';
import { readSent, type Sent, wholeBytes, withoutWaiting, withRefused, writeSent } from './sync-state';
import { isOfFiles, sendFiles, waitingSteps } from './waiting-files';

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
  let run: Run | undefined;
  let noted: Sent | undefined;
  let notedAt = 0;

  const noteSent = (): void => {
    if (sent && sent !== noted) writeSent(journal, sent);
    noted = sent;
    notedAt = performance.now();
  };

  /** Sends what was not, from a run's beginning or from where it was left: files last, as a store may take long. */
  const sendFrom = async (begun: Sent, server: Connection, to: Run, signal: AbortSignal): Promise<void> => {
    const length = await syncedLength(journal);
    let now = begun;
    const advance = (next: Sent): void => {
      sent = now = next;
    };
    for await (const step of steps(readJournal(journal, now.bytes, length))) {
      if (isOfFiles(step)) advance({ filesFrom: now.bytes, ...now, bytes: step.end });
      else advance(withRefused({ ...now, bytes: step.end }, await sendStep(server, to, journal, step)));
      // Training waits while a file takes another one's place; what is sent twice is kept once.
      if (performance.now() - notedAt > 2000) noteSent();
      signal.throwIfAborted();
    }
    for await (const step of waitingSteps(journal, now)) {
      const refused = await sendFiles(server, to, journal, step, signal);
      advance(withRefused({ ...now, filesFrom: step.end }, refused));
      noteSent();
      // Only now: where that could not be noted, they are sent once more.
      dropKept(journal, filesOf(step));
      signal.throwIfAborted();
    }
    advance(withoutWaiting(now));
  };

  const pass = async (signal: AbortSignal): Promise<void> => {
    if (!existsSync(journal) || statSync(journal).size <= wholeBytes(sent)) return;
    connection ??= await destination.connect(signal);
    const release = await lockJournal(journal, signal);
    try {
      sent = readSent(journal, destination.name);
      noted = sent;
      // Another process may have sent it elsewhere, or as another run.
      if (run?.info.run_id !== sent?.runId) run = undefined;
      if (sent && !run) run = await existingRun(connection, sent.runId);
      // The server's data were deleted since: it gets the whole journal.
      if (!run || !sent) {
        sent = undefined;
        const start = await startOf(journal);
        if (start === undefined) return;
        run = await findOrCreateRun(connection, start);
        const { experiment_id: experimentId, run_id: runId } = run.info;
        sent = { destination: destination.name, experimentId, runId, bytes: 0, refused: [] };
      }
      // The local server's port may be another one than last time.
      const address = runPage(connection.uri, sent.experimentId, sent.runId);
      if (sent.address !== address) sent = { ...sent, address };
      noteSent();
      await sendFrom(sent, connection, run, signal);
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
    address: () => sent?.address,
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
