import { MlflowError } from './error';

/** MLflow's token for the next page of a list; absent or empty on the last page. */
interface Page {
  next_page_token?: string;
}

/** Yields the items of all pages; fetches a page once the items before it are used up. */
export async function* paged<P, T>(
  fetchPage: (pageToken?: string) => Promise<P & Page>,
  itemsOf: (page: P) => readonly T[],
): AsyncGenerator<T, void, undefined> {
  let token: string | undefined;
  do {
    const page = await fetchPage(token);
    yield* itemsOf(page);
    const next = page.next_page_token;
    if (next && next === token) {
      throw new MlflowError(`the server repeats page ${next} instead of continuing after it`, 'HTTP_ERROR', 200);
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

/** The page size for `limit` items in all, if the server allows at most `largest` per page. */
export function pageSize(limit: number | undefined, largest: number): number {
  return Math.max(1, Math.min(limit ?? largest, largest));
}
