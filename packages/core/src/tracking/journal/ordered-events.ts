import type { JournalEvent } from './event';
import type { Journal } from './journal';

/** Writes events in the order of the calls, although the content of some is known only later. */
export interface OrderedEvents {
  append(event: JournalEvent): void;
  /**
   * Appends an event once it is known, or nothing if it resolves to undefined. `fallback` is written if the promise
   * rejects or the process exits first.
   */
  later(event: Promise<JournalEvent | undefined>, fallback?: JournalEvent): void;
  /** Resolves when all events of earlier calls are in the journal. */
  settled(): Promise<void>;
}

interface QueuedEvent {
  /** Initially the fallback. */
  event: JournalEvent | undefined;
  isKnown: boolean;
}

export function orderedEvents(journal: Pick<Journal, 'append'>): OrderedEvents {
  const queue: QueuedEvent[] = [];
  let settled: Promise<unknown> = Promise.resolve();

  const write = (events: readonly QueuedEvent[]): void => {
    for (const { event } of events) if (event) journal.append(event);
  };
  const writeKnown = (): void => {
    const unknown = queue.findIndex(({ isKnown }) => !isKnown);
    write(queue.splice(0, unknown < 0 ? queue.length : unknown));
    if (queue.length === 0) process.off('exit', writeAll);
  };
  const writeAll = (): void => write(queue.splice(0));

  return {
    append: (event) => {
      if (queue.length === 0) journal.append(event);
      else queue.push({ event, isKnown: true });
    },
    later: (promised, fallback) => {
      const queued: QueuedEvent = { event: fallback, isKnown: false };
      // Runs before the journal's own exit listener, which writes its queue to disk.
      if (queue.length === 0) process.prependListener('exit', writeAll);
      queue.push(queued);
      const known = promised
        .catch(() => fallback)
        .then((event) => {
          queued.event = event;
          queued.isKnown = true;
          writeKnown();
        });
      settled = Promise.all([settled, known]);
    },
    settled: async () => {
      await settled;
    },
  };
}
