import { randomUUID } from 'node:crypto';
import { type Connection, createRun, type Run } from '../src/index';

/** A unique name: all tests share one server. */
export const fresh = (name: string): string => `${name}-${randomUUID().slice(0, 8)}`;

export const newRun = (connection: Connection, experimentId = '0'): Promise<Run> =>
  createRun(connection, { experimentId, name: 'a run', startTime: 1_700_000_000_000, tags: { team: 'vision' } });
