import { type Batch, keyValues } from 'mlflow-js-client';
import type { EventOf, JournalEvent } from '../journal/event';
import type { DamagedLine } from '../journal/journal';

/** What is sent together with others of its kind. */
const gathered = ['params', 'tags', 'metrics'] as const;
type Gathered = (typeof gathered)[number];

/** Events that are sent together. `end`: the byte behind them in the journal. */
export type Step = { readonly end: number } & (
  | { readonly kind: 'batch'; readonly batch: Required<Batch> }
  | { readonly kind: 'event'; readonly event: EventOf<Exclude<JournalEvent['type'], Gathered>> }
  | { readonly kind: 'damaged'; readonly sentence: string }
);

/** Entries of one request, or nearly: events are not cut. */
const entriesOfBatch = 900;

/** Gathers neighbouring params, tags and metrics into batches of about one request. */
export async function* steps(
  events: AsyncIterable<{ event: JournalEvent | DamagedLine; end: number }>,
): AsyncGenerator<Step> {
  const empty = (): Required<Batch> => ({ metrics: [], params: [], tags: [] });
  let batch = empty();
  let last = 0;
  for await (const { event, end } of events) {
    const size = entriesOf(batch);
    if (size > 0 && (!isGathered(event) || size >= entriesOfBatch)) {
      yield { kind: 'batch', batch, end: last };
      batch = empty();
    }
    if (isGathered(event)) add(batch, event);
    else if (event.type === 'damaged') yield { kind: 'damaged', sentence: event.sentence, end };
    else yield { kind: 'event', event, end };
    last = end;
  }
  if (entriesOf(batch) > 0) yield { kind: 'batch', batch, end: last };
}

export const entriesOf = ({ metrics, params, tags }: Required<Batch>): number =>
  metrics.length + params.length + tags.length;

const isGathered = (event: JournalEvent | DamagedLine): event is EventOf<Gathered> =>
  (gathered as readonly string[]).includes(event.type);

function add(batch: Required<Batch>, event: EventOf<Gathered>): void {
  if (event.type === 'params') batch.params.push(...keyValues(event.params));
  else if (event.type === 'tags') batch.tags.push(...keyValues(event.tags));
  else {
    const { time: timestamp, step } = event;
    for (const [key, value] of Object.entries(event.values)) batch.metrics.push({ key, value, timestamp, step });
  }
}
