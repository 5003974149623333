import { existsSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Connection, MlflowError, type Run } from 'mlflow-js-client';
import { tryLock } from '../../system/lock';
import type { EventOf } from '../journal/event';
import { readJournal, syncedLength } from '../journal/journal';
import { dropSpooled } from '../journal/spool';
import { type Destination, problemOf } from './destination';
import { disposableFiles, eventBatches, type FileBatch, hasFiles } from './event-batches';
import { sendEvents } from './send-events';
import { existingRun, findOrCreateRun, runPage } from './server-run';
import {
  completeBytes,
  forgetSyncState,
  readSyncState,
  type SyncState,
  withRefused,
  writeSyncState,
} from './sync-state';

/** Sends one journal to one destination. */
export interface JournalSync {
  /** Sends all events that have not been sent. Throws the problem that stopped it; the next call continues there. */
  send(signal: AbortSignal): Promise<void>;
  isConnected(): boolean;
  /** The progress so far; undefined before the run exists on the server. */
  state(): SyncState | undefined;
}

/** Sends every event at least once, in a form that the server stores once even if it is sent again. */
export function journalSync(journal: string, destination: Destination): JournalSync {
  let state = readSyncState(journal, destination.name);
  let connection: Connection | undefined;
  let run: Run | undefined;
  let saved: SyncState | undefined;
  let savedAt = 0;

  const save = (): void => {
    if (state && state !== saved) writeSyncState(journal, state);
    saved = state;
    savedAt = performance.now();
  };

  /**
   * Sends from a state on. Files come last, in their order: a store that hangs, is full or denies access must not keep
   * metrics from the server.
   */
  const sendFrom = async (begin: SyncState, server: Connection, to: Run, signal: AbortSignal): Promise<void> => {
    const length = await syncedLength(journal);
    let now = begin;
    const advance = (next: SyncState): void => {
      state = now = next;
    };
    for await (const batch of eventBatches(readJournal(journal, now.bytes, length))) {
      if (hasFiles(batch)) advance({ filesFrom: now.bytes, ...now, bytes: batch.end });
      else advance(withRefused({ ...now, bytes: batch.end }, await sendEvents(server, to, journal, batch)));
      // Not for every batch: training waits while the file is replaced, and sending twice is harmless.
      if (performance.now() - savedAt > 2000) save();
      signal.throwIfAborted();
    }
    if (now.filesFrom !== undefined) {
      for await (const batch of eventBatches(readJournal(journal, now.filesFrom, now.bytes))) {
        if (!hasFiles(batch)) continue;
        const refused = await sendFiles(server, to, batch, signal);
        advance(withRefused({ ...now, filesFrom: batch.end }, refused));
        save();
        // After saving: if that fails, the files are sent again.
        dropSpooled(journal, disposableFiles(batch));
        signal.throwIfAborted();
      }
    }
    const { filesFrom: _, ...complete } = now;
    advance(complete);
  };

  /** Throws MlflowError FILES_WAIT if the files cannot be sent now, with the reason. */
  const sendFiles = async (server: Connection, to: Run, batch: FileBatch, signal: AbortSignal) => {
    try {
      return await sendEvents(server, to, journal, batch);
    } catch (cause) {
      if (signal.aborted || isRunDeleted(cause)) throw cause;
      const { event } = batch;
      const name = event.type === 'model' ? `the model ${event.model.name}` : event.path;
      throw new MlflowError(`${name} and the files after it wait: ${problemOf(cause)}`, 'FILES_WAIT', 0, { cause });
    }
  };

  const send = async (signal: AbortSignal): Promise<void> => {
    if (!existsSync(journal) || statSync(journal).size <= completeBytes(state)) return;
    connection ??= await destination.connect(signal);
    const release = await lockJournal(journal, signal);
    try {
      state = readSyncState(journal, destination.name);
      saved = state;
      // Another process may have sent the journal elsewhere, or as another run.
      if (run?.info.run_id !== state?.runId) run = undefined;
      if (state && !run) run = await existingRun(connection, state.runId);
      if (!run || !state) {
        // The run is new, or the server's data were deleted: send the whole journal.
        state = undefined;
        const start = await startOf(journal);
        if (start === undefined) return;
        run = await findOrCreateRun(connection, start);
        const { experiment_id: experimentId, run_id: runId } = run.info;
        state = { destination: destination.name, experimentId, runId, bytes: 0, refused: [] };
      }
      // The local server's port may have changed.
      const address = runPage(connection.uri, state.experimentId, state.runId);
      if (state.address !== address) state = { ...state, address };
      save();
      await sendFrom(state, connection, run, signal);
    } catch (error) {
      // A restarted local server has another port, and the run may have been deleted.
      connection = undefined;
      run = undefined;
      throw error;
    } finally {
      try {
        save();
      } finally {
        await release();
      }
    }
  };

  return { send, isConnected: () => connection !== undefined, state: () => state };
}

const isRunDeleted = (error: unknown): boolean => error instanceof MlflowError && error.code === 'RUN_DELETED';

/**
 * Forgets a journal's sync state if its server no longer has the run, for example after the server's data were lost, so
 * that the whole journal is sent again. Leaves a run in MLflow's bin alone: somebody put it there.
 * @returns whether the state was forgotten
 * @throws UserError and MlflowError if the server cannot be asked
 */
export async function forgetLostRun(journal: string, destination: Destination, signal: AbortSignal): Promise<boolean> {
  const state = readSyncState(journal, destination.name);
  if (state === undefined) return false;
  const server = await destination.connect(signal);
  try {
    if (await existingRun(server, state.runId)) return false;
  } catch (error) {
    if (isRunDeleted(error)) return false;
    throw error;
  }
  forgetSyncState(journal);
  return true;
}

/**
 * The event that identifies the journal's run: the first start event, or one of a resume if that line is damaged;
 * undefined for an empty journal. Throws MlflowError INVALID_JOURNAL if there is none.
 */
async function startOf(journal: string): Promise<EventOf<'start'> | undefined> {
  let isEmpty = true;
  for await (const { event } of readJournal(journal)) {
    if (event.type === 'start') return event;
    isEmpty = false;
  }
  if (isEmpty) return undefined;
  const message = `${journal} does not name its run: its first line is damaged, and the run was not resumed since`;
  throw new MlflowError(message, 'INVALID_JOURNAL', 0);
}

/** Milliseconds to wait for another process that sends the journal: `tools:sync` or the run itself. */
const lockPatience = 15_000;

async function lockJournal(journal: string, signal: AbortSignal): Promise<() => Promise<void>> {
  // Not Date.now(): the system clock may be set back.
  for (const until = performance.now() + lockPatience; ; ) {
    const release = await tryLock(journal, `${journal}.holder.lock`);
    if (release) return release;
    if (performance.now() > until) {
      throw new MlflowError(`another process is sending ${journal}; try again when it has ended`, 'LOCKED', 0);
    }
    await sleep(200, undefined, { signal });
  }
}
