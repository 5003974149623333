import type { Connection } from './connection';
import { paged } from './page';
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
