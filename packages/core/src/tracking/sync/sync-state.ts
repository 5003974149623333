import { readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';

/** How far a journal has been sent, kept beside it in `journal.sent.json`. */
export interface Sent {
  readonly destination: string;
  readonly experimentId: string;
  readonly runId: string;
  /** The run's page; absent in files of before it was kept. */
  readonly address?: string;
  /** The bytes of the journal that have been sent. */
  readonly bytes: number;
  /** Where less of its files has been: the byte at which the first line stands whose files wait. */
  readonly filesFrom?: number;
  /** What the server refused for good or what could not be read, one sentence each: the first ones. */
  readonly refused: readonly string[];
  /** How many more there were. */
  readonly moreRefused?: number;
}

/** The list is written with every batch, and shown to people. */
const mostRefused = 100;

export function withRefused(sent: Sent, sentences: readonly string[]): Sent {
  if (sentences.length === 0) return sent;
  const refused = [...sent.refused, ...sentences];
  const moreRefused = (sent.moreRefused ?? 0) + Math.max(0, refused.length - mostRefused);
  return { ...sent, refused: refused.slice(0, mostRefused), ...(moreRefused > 0 && { moreRefused }) };
}

/** What was refused, for people; with `before`, since then. */
export function refusals(sent: Sent | undefined, before?: Sent): readonly string[] {
  const more = (sent?.moreRefused ?? 0) - (before?.moreRefused ?? 0);
  return [...(sent?.refused.slice(before?.refused.length) ?? []), ...(more > 0 ? [`and ${more} more`] : [])];
}

/** No files wait any more. */
export function withoutWaiting({ filesFrom: _, ...sent }: Sent): Sent {
  return sent;
}

/** The bytes of the journal of which everything has been sent. */
export const wholeBytes = (sent: Sent | undefined): number => sent?.filesFrom ?? sent?.bytes ?? 0;

/** What was sent to that destination; undefined when nothing was. */
export function readSent(journal: string, destination: string): Sent | undefined {
  const sent = read(journal);
  return sent?.destination === destination ? sent : undefined;
}

/** The run's page in MLflow, wherever it has been sent to; undefined while that is nowhere. */
export const addressIn = (journal: string): string | undefined => read(journal)?.address;

/**
 * A power cut may take lines that had been sent: what is written in their place has not been. For the one who writes the
 * journal, before it does.
 */
export function forgetLostLines(journal: string): void {
  const sent = read(journal);
  const bytes = statSync(journal).size;
  if (!sent || sent.bytes <= bytes) return;
  const { filesFrom } = sent;
  writeSent(journal, { ...sent, bytes, ...(filesFrom !== undefined && { filesFrom: Math.min(filesFrom, bytes) }) });
}

function read(journal: string): Sent | undefined {
  try {
    return JSON.parse(readFileSync(sentFile(journal), 'utf8'));
  } catch {
    return undefined;
  }
}

export function writeSent(journal: string, sent: Sent): void {
  const temporary = `${sentFile(journal)}.${process.pid}.tmp`;
  writeFileSync(temporary, `${JSON.stringify(sent)}\n`);
  renameSync(temporary, sentFile(journal));
}

/** As if the journal had never been sent. */
export const forgetSent = (journal: string): void => rmSync(sentFile(journal), { force: true });

/** `journal.jsonl` -> `journal.sent.json`. */
const sentFile = (journal: string): string => journal.replace(/(\.jsonl)?$/, '.sent.json');
