import type { Connection } from './connection';
import { type Query, sendForJson } from './send';

/**
 * `repeatable`: setting or logging something again leaves the same state and answer. `once`: creating, deleting,
 * restoring, renaming. Repeated after a lost answer, these would make a second thing or fail because they succeeded.
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
