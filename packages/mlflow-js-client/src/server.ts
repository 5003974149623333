import { spawn } from 'node:child_process';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Connection, connect } from './connection';
import { MlflowError } from './error';
import { send } from './send';

export interface ServerOptions {
  /** The Python that has MLflow installed. */
  python: string;
  /** SQLite file of the runs; created if missing. */
  database: string;
  /** Folder of the artifacts; created if missing. */
  artifacts: string;
  port: number;
  /** File for the server's output. */
  log: string;
  /** Further arguments of `mlflow server`, e.g. `['--app-name', 'basic-auth']`. */
  args?: string[];
  /** Variables in addition to this process's environment. */
  environment?: NodeJS.ProcessEnv;
}

export interface ServerProcess {
  readonly uri: string;
  readonly pid: number;
  /** File for the server's output. */
  readonly log: string;
}

/**
 * Starts `mlflow server` on 127.0.0.1 over SQLite, with one worker; `untilHealthy` waits until it answers. The server
 * outlives this process; `process.kill(-pid)` ends it and its worker.
 * Throws MlflowError SERVER_NOT_STARTED if `python` cannot be run.
 */
export async function spawnServer(options: ServerOptions): Promise<ServerProcess> {
  const { python, database, artifacts, port, log } = options;
  const args = ['-m', 'mlflow', 'server', '--host', '127.0.0.1', '--port', String(port), '--workers', '1'];
  args.push('--backend-store-uri', `sqlite:///${database}`, '--artifacts-destination', artifacts);
  args.push(...(options.args ?? []));
  const output = openSync(log, 'w');
  const child = spawn(python, args, {
    detached: true,
    stdio: ['ignore', output, output],
    env: {
      ...process.env,
      // Saves three Python processes, which run jobs for language models.
      MLFLOW_SERVER_ENABLE_JOB_EXECUTION: 'false',
      MLFLOW_DISABLE_TELEMETRY: 'true',
      PYTHONWARNINGS: 'ignore',
      ...options.environment,
    },
  });
  closeSync(output);
  const pid = await new Promise<number>((resolve, reject) => {
    child.once('spawn', () => resolve(child.pid ?? 0));
    child.once('error', (cause) =>
      reject(new MlflowError(`cannot run ${python}: ${cause.message}`, 'SERVER_NOT_STARTED', 0, { cause })),
    );
  });
  child.unref();
  return { uri: `http://127.0.0.1:${port}`, pid, log };
}

/**
 * Waits until the server answers /health, 5 to 10 seconds after its start. Also checks the server's log: another server
 * may have taken the port.
 * Throws MlflowError SERVER_NOT_STARTED with the last line of its log if the server ends before, or needs more than
 * `timeout` milliseconds (it is left running then), and the signal's reason.
 */
export async function untilHealthy(server: ServerProcess, timeout = 60_000, signal?: AbortSignal): Promise<void> {
  const connection = connect(server.uri);
  // Not Date.now(): the system clock may be set.
  const until = performance.now() + timeout;
  while (!(printed(server.log, 'first').includes(listening) && (await isHealthy(connection)))) {
    const running = isRunning(server.pid);
    if (!running || performance.now() > until) {
      const why = running ? `it did not answer within ${timeout / 1000} s` : 'it ended';
      const last = printed(server.log, 'last').trim().split('\n').at(-1);
      throw new MlflowError(
        `the MLflow server did not start: ${why}${last ? ` with "${last}"` : ''} (${server.log})`,
        'SERVER_NOT_STARTED',
        0,
      );
    }
    await sleep(100, undefined, { signal });
  }
}

/** Printed by uvicorn, MLflow's web server, once it has the port. */
const listening = 'Uvicorn running on';

export async function startServer(options: ServerOptions): Promise<ServerProcess> {
  const server = await spawnServer(options);
  await untilHealthy(server);
  return server;
}

/** Whether a process with this id exists. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: the process exists and belongs to another user.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/**
 * Returns `preferred` if it is free on 127.0.0.1, else a random free port, if possible below the range of outgoing
 * connections: one of these could take the port while the server starts.
 */
export async function freePort(preferred?: number): Promise<number> {
  const candidates = Array.from({ length: 20 }, () => 20_000 + Math.floor(12_000 * Math.random()));
  for (const port of preferred ? [preferred, ...candidates] : candidates) {
    if (await isFree(port)) return port;
  }
  return listenOnce(0);
}

const isFree = (port: number): Promise<boolean> =>
  listenOnce(port).then(
    () => true,
    () => false,
  );

/** Listens briefly and returns the port, which the system chooses for 0. */
function listenOnce(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : port));
    });
  });
}

/** The first or last 64 kB of a log, which grows with every request. */
function printed(file: string, which: 'first' | 'last'): string {
  try {
    const descriptor = openSync(file, 'r');
    try {
      const part = Buffer.alloc(65_536);
      const position = which === 'first' ? 0 : Math.max(0, fstatSync(descriptor).size - part.length);
      return part.toString('utf8', 0, readSync(descriptor, part, 0, part.length, position));
    } finally {
      closeSync(descriptor);
    }
  } catch {
    return '';
  }
}

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
  const version = (await send(connection, { method: 'GET', path: '/version' })).trim();
  if (/^\d+\.\d+/.test(version)) return version;
  throw new MlflowError(`${connection.uri}/version does not answer with a version of MLflow`, 'HTTP_ERROR', 200);
}
