import type { Connection } from './connection';
import { MlflowError } from './error';
import { type Query, sendForJson } from './send';

/**
 * `repeatable`: setting or logging something again leaves the same state and returns the same answer.
 * `once`: creating, deleting, restoring and renaming. Repeated after a lost answer, they would create a second thing or
 * fail because they had succeeded.
 */
export type Repetition = 'repeatable' | 'once';

const path = (resource: string): string => `/api/2.0/mlflow/${resource}`;

export function get<T>(connection: Connection, resource: string, query?: Query): Promise<T> {
  return sendForJson(connection, { method: 'GET', path: path(resource), query });
}

export function post<T>(connection: Connection, resource: string, json: object, repetition: Repetition): Promise<T> {
  return write(connection, 'POST', resource, json, repetition);
}

export function patch<T>(connection: Connection, resource: string, json: object): Promise<T> {
  return write(connection, 'PATCH', resource, json, 'repeatable');
}

export function remove<T>(connection: Connection, resource: string, json: object = {}): Promise<T> {
  return write(connection, 'DELETE', resource, json, 'once');
}

function write<T>(
  connection: Connection,
  method: 'POST' | 'PATCH' | 'DELETE',
  resource: string,
  json: object,
  repetition: Repetition,
): Promise<T> {
  return sendForJson(connection, { method, path: path(resource), json, repeatable: repetition === 'repeatable' });
}

/** Yields the items of a list, fetching its pages by GET as they are needed. */
export function getPages<P, T>(
  connection: Connection,
  resource: string,
  query: Query,
  itemsOf: (page: P) => readonly T[],
): AsyncGenerator<T, void, undefined> {
  return paged((page_token) => get(connection, resource, { ...query, page_token }), itemsOf);
}

/** `getPages` for a search by POST. */
export function postPages<P, T>(
  connection: Connection,
  resource: string,
  json: object,
  itemsOf: (page: P) => readonly T[],
): AsyncGenerator<T, void, undefined> {
  return paged((page_token) => post(connection, resource, { ...json, page_token }, 'repeatable'), itemsOf);
}

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
