import { spawn } from 'node:child_process';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from './connection';
import { MlflowError } from './error';
import { isHealthy } from './server';

export interface ServerOptions {
  /** The Python that has MLflow installed. */
  python: string;
  /** SQLite file of the runs; made when it does not exist. */
  database: string;
  /** Folder of the artifacts; made when it does not exist. */
  artifacts: string;
  port: number;
  /** File that takes what the server prints. */
  log: string;
  /** More arguments of `mlflow server`, e.g. `['--app-name', 'basic-auth']`. */
  args?: string[];
  /** Set for the server besides this process's own environment. */
  environment?: NodeJS.ProcessEnv;
}

export interface ServerProcess {
  readonly uri: string;
  readonly pid: number;
  /** File that takes what the server prints. */
  readonly log: string;
}

/**
 * Starts `mlflow server` on 127.0.0.1 over SQLite, with one worker, and does not wait until it answers
 * (`untilHealthy` does). It outlives this process; `process.kill(-pid)` ends it and its worker.
 * Throws MlflowError SERVER_NOT_STARTED when `python` cannot be run.
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
      // Three more Python processes for jobs of MLflow's language-model side, which runs of a training never use.
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
 * Waits until the server answers /health: 5 to 10 seconds after its start. Another one may have taken the port since it
 * was found free, and answer in its place: what counts is what this one printed.
 * Throws MlflowError SERVER_NOT_STARTED, with the last line that it printed, when it ends before that or needs longer
 * than `timeout` milliseconds (it is left running then), and the signal's reason when that is aborted.
 */
export async function untilHealthy(server: ServerProcess, timeout = 60_000, signal?: AbortSignal): Promise<void> {
  const connection = connect(server.uri);
  // The clock of the wall may be set.
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

/** What uvicorn, under which MLflow runs, prints once the port is its own. */
const listening = 'Uvicorn running on';

export async function startServer(options: ServerOptions): Promise<ServerProcess> {
  const server = await spawnServer(options);
  await untilHealthy(server);
  return server;
}

/** Whether a process of that id exists. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Someone else's process: it exists, and may not be signalled.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/**
 * `preferred` if nothing listens there on 127.0.0.1, otherwise any free port: when there is one, of those that no system
 * gives to outgoing connections, which could take it before a server that needs seconds to start does.
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

/** Listens for a moment; the port, which the system chooses for 0. */
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

/** The first or the last 64 kB: a server prints a line for each request, for as long as it lives. */
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
