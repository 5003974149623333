import { MlflowError } from './error';

/** One page of a list, as MLflow's searches answer. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly next?: string;
}

/** All items, page after page; the next page is asked for when the last one has been used up. */
export async function* paged<T>(
  fetchPage: (pageToken?: string) => Promise<Page<T>>,
): AsyncGenerator<T, void, undefined> {
  let token: string | undefined;
  do {
    const { items, next } = await fetchPage(token);
    yield* items;
    if (next && next === token) {
      throw new MlflowError(`the server answers page ${next} with itself as the next`, 'HTTP_ERROR', 200);
    }
    token = next;
  } while (token);
}

/** The first `limit` items. */
export async function take<T>(items: AsyncIterable<T>, limit = Number.POSITIVE_INFINITY): Promise<T[]> {
  const taken: T[] = [];
  if (limit <= 0) return taken;
  for await (const item of items) {
    taken.push(item);
    if (taken.length >= limit) break;
  }
  return taken;
}

/** The page to ask for when `limit` items are wanted in all and the server gives at most `largest` at a time. */
export function pageSize(limit: number | undefined, largest: number): number {
  return Math.max(1, Math.min(limit ?? largest, largest));
}
