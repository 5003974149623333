import type { Connection } from './connection';
import { send } from './send';

/** Whether a server answers /health with OK, without repetition. */
export async function isHealthy(connection: Connection, timeout = 2000): Promise<boolean> {
  try {
    return (await send({ ...connection, retries: 0 }, { method: 'GET', path: '/health', timeout })).trim() === 'OK';
  } catch {
    return false;
  }
}

/** The server's MLflow version, e.g. 3.17.2. */
export async function getVersion(connection: Connection): Promise<string> {
  return (await send(connection, { method: 'GET', path: '/version' })).trim();
}
