import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { closeOrphanedRun } from '@headshare/core/experiment/close-orphaned-run';
import { makeProgress } from '@headshare/core/system/progress';
import { UserError } from '@headshare/core/system/user-error';
import { type Destination, problemOf } from '@headshare/core/tracking/sync/destination';
import { forgetLostRun, journalSync } from '@headshare/core/tracking/sync/journal-sync';
import { completeBytes, refusals, type SyncState } from '@headshare/core/tracking/sync/sync-state';
import { MlflowError } from 'mlflow-js-client';

export interface SyncedJournals {
  /** Journals that had something to send, and now have nothing more. */
  readonly sent: number;
  /** Journals that could not be sent to their end. */
  readonly failed: number;
}

export interface Syncing {
  readonly destination: Destination;
  /** Whether runs that the server has no more are sent again. */
  readonly restore: boolean;
  readonly signal: AbortSignal;
  /** What a journal is called in what is said. */
  readonly nameOf: (journal: string) => string;
}

/**
 * Sends journals one after another, and says of each what became of it. One that cannot be sent keeps none from it.
 * Those of runs whose process was killed are ended first.
 * @throws what would fail every journal: there is no server, or it is not for us; and the signal's reason
 */
export async function syncJournals(
  journals: readonly string[],
  { destination, restore, signal, nameOf }: Syncing,
): Promise<SyncedJournals> {
  for (const journal of journals) {
    // Where nothing can be written nothing can be sent, which says so.
    const status = await closeOrphanedRun(dirname(journal)).catch(() => undefined);
    const goesOn = status === 'KILLED' ? '; the same command goes on' : '';
    if (status) console.log(`${nameOf(journal)}: its process is gone: ${status}${goesOn}`);
  }
  for (const journal of restore ? journals : []) {
    const isLost = await forgetLostRun(journal, destination, signal);
    if (isLost) console.log(`${nameOf(journal)}: the server has it no more: all of it is sent again`);
  }
  const replays = journals.map((journal) => ({ journal, replay: journalSync(journal, destination) }));
  const bytesToSend = replays.map(({ journal, replay }) => Math.max(0, sizeOf(journal) - goneBy(replay.state())));
  const total = bytesToSend.reduce((sum, bytes) => sum + bytes, 0);
  const progress = makeProgress('sync');
  let before = 0;
  let sent = 0;
  let failed = 0;
  for (const [index, { journal, replay }] of replays.entries()) {
    const was = replay.state();
    const show = (): void => {
      const done = before + goneBy(replay.state()) - goneBy(was);
      progress.update({ done: done / 1000, total: total / 1000, unit: 'kB', text: nameOf(journal) });
    };
    show();
    const showing = setInterval(show, 100);
    try {
      await replay.send(signal);
    } catch (error) {
      progress.clear();
      if (signal.aborted || failsAll(error)) throw error;
      console.error(`${nameOf(journal)}: ${problemOf(error)}.`);
      for (const sentence of newRefusals(replay.state(), was)) console.error(`  not taken: ${sentence}`);
      failed++;
      continue;
    } finally {
      clearInterval(showing);
      before += bytesToSend[index] ?? 0;
    }
    const now = replay.state();
    if (now === undefined || completeBytes(now) === completeBytes(was)) continue;
    sent++;
    progress.clear();
    console.log(`${nameOf(journal)}: sent to ${now.address}`);
    for (const sentence of newRefusals(now, was)) console.log(`  not taken: ${sentence}`);
  }
  progress.clear();
  return { sent, failed };
}

/** What is shown of how far a journal has come: its lines go first, its files after them. */
const goneBy = (sent: SyncState | undefined): number => ((sent?.bytes ?? 0) + completeBytes(sent)) / 2;

/** A run that the server no longer had is another one there now, of which nothing was refused before. */
const newRefusals = (now: SyncState | undefined, was: SyncState | undefined): readonly string[] =>
  refusals(now, now?.runId === was?.runId ? was : undefined);

const sizeOf = (file: string): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0;

/** Whether it is about the server rather than about one journal. */
function failsAll(error: unknown): boolean {
  if (error instanceof UserError) return true;
  if (!(error instanceof MlflowError)) return false;
  return error.code === 'SERVER_NOT_STARTED' || !['refused', 'not-sent'].includes(error.kind);
}
