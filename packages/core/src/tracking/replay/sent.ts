import { readFileSync, renameSync, writeFileSync } from 'node:fs';

/** How far a journal has been sent, kept beside it in `journal.sent.json`. */
export interface Sent {
  readonly destination: string;
  readonly experimentId: string;
  readonly runId: string;
  /** The bytes of the journal that have been sent. */
  readonly bytes: number;
  /** What the server refused for good or what could not be read, one sentence each. */
  readonly refused: readonly string[];
}

/** What was sent to that destination; undefined when nothing was. */
export function readSent(journal: string, destination: string): Sent | undefined {
  try {
    const sent: Sent = JSON.parse(readFileSync(sentFile(journal), 'utf8'));
    return sent.destination === destination ? sent : undefined;
  } catch {
    return undefined;
  }
}

export function writeSent(journal: string, sent: Sent): void {
  const temporary = `${sentFile(journal)}.${process.pid}.tmp`;
  writeFileSync(temporary, `${JSON.stringify(sent)}\n`);
  renameSync(temporary, sentFile(journal));
}

/** `journal.jsonl` -> `journal.sent.json`. */
const sentFile = (journal: string): string => journal.replace(/(\.jsonl)?$/, '.sent.json');
