import { readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';

/** How much of a journal is on the server, in `journal.sent.json` beside it. */
export interface SyncState {
  /** The `Destination`'s name. */
  readonly destination: string;
  readonly experimentId: string;
  readonly runId: string;
  /** The run's page; missing in files of older versions. */
  readonly address?: string;
  /** Bytes of the journal that have been sent, except for files after `filesFrom`. */
  readonly bytes: number;
  /** The position of the first event whose files have not been sent, if there is one. */
  readonly filesFrom?: number;
  /** The first sentences about data that the server refused for good or that could not be read. */
  readonly refused: readonly string[];
  /** The number of further such sentences. */
  readonly moreRefused?: number;
}

/** Limits a list that is written with every batch and shown to users. */
const mostRefused = 100;

export function withRefused(state: SyncState, sentences: readonly string[]): SyncState {
  if (sentences.length === 0) return state;
  const refused = [...state.refused, ...sentences];
  const moreRefused = (state.moreRefused ?? 0) + Math.max(0, refused.length - mostRefused);
  return { ...state, refused: refused.slice(0, mostRefused), ...(moreRefused > 0 && { moreRefused }) };
}

/** Sentences about refused data, for users; `before`: an earlier state whose sentences are left out. */
export function refusals(state: SyncState | undefined, before?: SyncState): readonly string[] {
  const more = (state?.moreRefused ?? 0) - (before?.moreRefused ?? 0);
  return [...(state?.refused.slice(before?.refused.length) ?? []), ...(more > 0 ? [`and ${more} more`] : [])];
}

/** The bytes of the journal that have been sent including their files. */
export const completeBytes = (state: SyncState | undefined): number => state?.filesFrom ?? state?.bytes ?? 0;

/** The state at a destination; undefined if nothing was sent there. */
export function readSyncState(journal: string, destination: string): SyncState | undefined {
  const state = read(journal);
  return state?.destination === destination ? state : undefined;
}

/** The run's page in MLflow at any destination; undefined if it was never sent. */
export const addressIn = (journal: string): string | undefined => read(journal)?.address;

/** The run's id in MLflow, likewise. */
export const runIdIn = (journal: string): string | undefined => read(journal)?.runId;

/**
 * Marks lines that a power cut removed after they were sent as not sent, since new lines take their place. Only the
 * journal's writer may call this, before it writes.
 */
export function forgetLostLines(journal: string): void {
  const state = read(journal);
  const bytes = statSync(journal).size;
  if (!state || state.bytes <= bytes) return;
  const { filesFrom } = state;
  writeSyncState(journal, {
    ...state,
    bytes,
    ...(filesFrom !== undefined && { filesFrom: Math.min(filesFrom, bytes) }),
  });
}

function read(journal: string): SyncState | undefined {
  try {
    return JSON.parse(readFileSync(stateFile(journal), 'utf8'));
  } catch {
    return undefined;
  }
}

export function writeSyncState(journal: string, state: SyncState): void {
  const temporary = `${stateFile(journal)}.${process.pid}.tmp`;
  writeFileSync(temporary, `${JSON.stringify(state)}\n`);
  renameSync(temporary, stateFile(journal));
}

export const forgetSyncState = (journal: string): void => rmSync(stateFile(journal), { force: true });

const stateFile = (journal: string): string => journal.replace(/(\.jsonl)?$/, '.sent.json');
