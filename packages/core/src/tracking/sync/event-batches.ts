import { type Batch, keyValues } from 'mlflow-js-client';
import type { EventOf, JournalEvent, LoggedFile } from '../journal/event';
import type { DamagedLine } from '../journal/journal';

/** The event types whose entries share requests. */
const batchTypes = ['params', 'tags', 'metrics'] as const;
type BatchType = (typeof batchTypes)[number];

/** Events to send together. `end`: the position after them in the journal, in bytes. */
export type EventBatch = { readonly end: number } & (
  | { readonly kind: 'batch'; readonly batch: Required<Batch> }
  | { readonly kind: 'event'; readonly event: EventOf<Exclude<JournalEvent['type'], BatchType>> }
  | { readonly kind: 'damaged'; readonly sentence: string }
);

/** A batch that is one event with files. */
export type FileBatch = Extract<EventBatch, { kind: 'event' }> & {
  readonly event: { readonly type: 'artifact' | 'model' };
};

export const hasFiles = (batch: EventBatch): batch is FileBatch =>
  batch.kind === 'event' && (batch.event.type === 'artifact' || batch.event.type === 'model');

/**
 * The spooled files that are no longer needed once the batch is sent. A model's input example exists nowhere else, so
 * it stays for a server that the run is sent to later.
 */
export function disposableFiles({ event }: FileBatch): readonly LoggedFile[] {
  if (event.type === 'model') return event.model.files.filter(({ path }) => path !== event.model.inputExample);
  return 'sha256' in event ? [event] : [];
}

/** Entries per request, approximately: events are not split. */
const entriesPerBatch = 900;

/** Groups consecutive params, tags and metrics into batches of about one request. */
export async function* eventBatches(
  events: AsyncIterable<{ event: JournalEvent | DamagedLine; end: number }>,
): AsyncGenerator<EventBatch> {
  const empty = (): Required<Batch> => ({ metrics: [], params: [], tags: [] });
  let batch = empty();
  let last = 0;
  for await (const { event, end } of events) {
    const size = countEntries(batch);
    if (size > 0 && (!isBatched(event) || size >= entriesPerBatch)) {
      yield { kind: 'batch', batch, end: last };
      batch = empty();
    }
    if (isBatched(event)) add(batch, event);
    else if (event.type === 'damaged') yield { kind: 'damaged', sentence: event.sentence, end };
    else yield { kind: 'event', event, end };
    last = end;
  }
  if (countEntries(batch) > 0) yield { kind: 'batch', batch, end: last };
}

export const countEntries = ({ metrics, params, tags }: Required<Batch>): number =>
  metrics.length + params.length + tags.length;

const isBatched = (event: JournalEvent | DamagedLine): event is EventOf<BatchType> =>
  (batchTypes as readonly string[]).includes(event.type);

function add(batch: Required<Batch>, event: EventOf<BatchType>): void {
  if (event.type === 'params') batch.params.push(...keyValues(event.params));
  else if (event.type === 'tags') batch.tags.push(...keyValues(event.tags));
  else {
    const { time: timestamp, step } = event;
    for (const [key, value] of Object.entries(event.values)) batch.metrics.push({ key, value, timestamp, step });
  }
}
