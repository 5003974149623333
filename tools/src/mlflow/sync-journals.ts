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
  /** Journals with new data, all of it sent. */
  readonly sent: number;
  /** Journals that could not be sent completely. */
  readonly failed: number;
}

export interface Syncing {
  readonly destination: Destination;
  /** Whether to send runs again that the server lost. */
  readonly restore: boolean;
  readonly signal: AbortSignal;
  /** The name of a journal in messages. */
  readonly nameOf: (journal: string) => string;
}

/**
 * Sends journals one after another and prints the result of each. A journal that fails does not stop the others. Journals
 * of killed runs get their end first.
 * @throws an error that would fail every journal, such as an unreachable server; the signal's reason
 */
export async function syncJournals(
  journals: readonly string[],
  { destination, restore, signal, nameOf }: Syncing,
): Promise<SyncedJournals> {
  for (const journal of journals) {
    // If this fails because the disk is not writable, sending the journal fails with the reason.
    const status = await closeOrphanedRun(dirname(journal)).catch(() => undefined);
    const advice = status === 'KILLED' ? '; run the same command again to resume it' : '';
    if (status) console.log(`${nameOf(journal)}: its process has ended, the run is ${status}${advice}`);
  }
  for (const journal of restore ? journals : []) {
    const isLost = await forgetLostRun(journal, destination, signal);
    if (isLost) console.log(`${nameOf(journal)}: the server lost this run; sending all of it again`);
  }
  const syncs = journals.map((journal) => ({ journal, sync: journalSync(journal, destination) }));
  const bytesToSend = syncs.map(({ journal, sync }) => Math.max(0, sizeOf(journal) - progressOf(sync.state())));
  const total = bytesToSend.reduce((sum, bytes) => sum + bytes, 0);
  const progress = makeProgress('sync');
  let before = 0;
  let sent = 0;
  let failed = 0;
  for (const [index, { journal, sync }] of syncs.entries()) {
    const was = sync.state();
    const show = (): void => {
      const done = before + progressOf(sync.state()) - progressOf(was);
      progress.update({ done: done / 1000, total: total / 1000, unit: 'kB', text: nameOf(journal) });
    };
    show();
    const showing = setInterval(show, 100);
    try {
      await sync.send(signal);
    } catch (error) {
      progress.clear();
      if (signal.aborted || failsAll(error)) throw error;
      console.error(`${nameOf(journal)}: ${problemOf(error)}.`);
      for (const sentence of newRefusals(sync.state(), was)) console.error(`  refused: ${sentence}`);
      failed++;
      continue;
    } finally {
      clearInterval(showing);
      before += bytesToSend[index] ?? 0;
    }
    const now = sync.state();
    if (now === undefined || completeBytes(now) === completeBytes(was)) continue;
    sent++;
    progress.clear();
    console.log(`${nameOf(journal)}: sent to ${now.address}`);
    for (const sentence of newRefusals(now, was)) console.log(`  refused: ${sentence}`);
  }
  progress.clear();
  return { sent, failed };
}

/** Sent bytes for the progress line: a journal's lines and its files count half each. */
const progressOf = (sent: SyncState | undefined): number => ((sent?.bytes ?? 0) + completeBytes(sent)) / 2;

/** Refusals since `was`; a run that was sent again is another run, so that all of its refusals are new. */
const newRefusals = (now: SyncState | undefined, was: SyncState | undefined): readonly string[] =>
  refusals(now, now?.runId === was?.runId ? was : undefined);

const sizeOf = (file: string): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0;

/** Whether an error concerns the server rather than one journal. */
function failsAll(error: unknown): boolean {
  if (error instanceof UserError) return true;
  if (!(error instanceof MlflowError)) return false;
  return error.code === 'SERVER_NOT_STARTED' || !['refused', 'not-sent'].includes(error.kind);
}
