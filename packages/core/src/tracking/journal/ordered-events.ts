import type { JournalEvent } from './event';
import type { Journal } from './journal';

/** Writes events in the order in which they were told, though some are known only later. */
export interface OrderedEvents {
  append(event: JournalEvent): void;
  /**
   * One that turns out undefined is none. `otherwise`: what is written when the event fails, or when the process ends
   * before it is known.
   */
  later(event: Promise<JournalEvent | undefined>, otherwise?: JournalEvent): void;
  /** Resolves when all that was told so far has been handed to the journal. */
  settled(): Promise<void>;
}

interface Waiting {
  /** What is written; undefined while it is not known. */
  event?: JournalEvent | undefined;
  readonly otherwise?: JournalEvent | undefined;
  known: boolean;
}

export function orderedEvents(journal: Pick<Journal, 'append'>): OrderedEvents {
  const waiting: Waiting[] = [];
  let settled: Promise<unknown> = Promise.resolve();

  const writeKnown = (): void => {
    for (let first = waiting[0]; first?.known; first = waiting[0]) {
      waiting.shift();
      if (first.event) journal.append(first.event);
    }
    if (waiting.length === 0) process.off('exit', writeAll);
  };
  const writeAll = (): void => {
    for (const { event, otherwise } of waiting.splice(0)) {
      const written = event ?? otherwise;
      if (written) journal.append(written);
    }
  };

  return {
    append: (event) => {
      if (waiting.length === 0) journal.append(event);
      else waiting.push({ event, known: true });
    },
    later: (promised, otherwise) => {
      const place: Waiting = { otherwise, known: false };
      // Before the journal's own, which writes the rest to the disk.
      if (waiting.length === 0) process.prependListener('exit', writeAll);
      waiting.push(place);
      const known = promised
        .catch(() => otherwise)
        .then((event) => {
          place.event = event;
          place.known = true;
          writeKnown();
        });
      settled = Promise.all([settled, known]).then(() => undefined);
    },
    settled: async () => {
      await settled;
    },
  };
}
