import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import {
  connect,
  freePort,
  isHealthy,
  isRunning,
  type ServerProcess,
  spawnServer,
  untilHealthy,
} from 'mlflow-js-client';
import { lock } from 'proper-lockfile';
import { UserError } from '../../system/user-error';

/** The workspace's MLflow: virtual environment, database, artifacts, and the server's state. */
export const mlflowFolder = resolve(__dirname, '../../../../../.mlflow');

/** `mlflow-setup` writes this file last: it marks a complete virtual environment. */
export const environmentStamp = (folder: string): string => join(folder, 'venv', 'complete.json');

/** The environment's Python; undefined unless MLflow is completely installed. */
export function environmentPython(folder: string): string | undefined {
  const python = join(folder, 'venv', 'bin', 'python');
  return existsSync(environmentStamp(folder)) && existsSync(python) ? python : undefined;
}

export interface LocalServer extends ServerProcess {
  /** Whether this call started it. */
  readonly started: boolean;
}

/**
 * Returns the workspace's running MLflow server, or starts one, which outlives this process. If several processes call
 * this at once, one starts the server and the others wait.
 * @throws UserError if MLflow is not installed, MlflowError if the server does not start, and the signal's reason
 */
export async function ensureLocalServer(folder = mlflowFolder, signal?: AbortSignal): Promise<LocalServer> {
  // MLflow's default port, which users expect.
  let port: number | undefined = 5000;
  for (let attempt = 1; ; attempt++) {
    const server = await findOrSpawn(folder, port, signal);
    try {
      await untilHealthy(server, 90_000, signal);
      return server;
    } catch (error) {
      if (attempt === 3 || signal?.aborted || isRunning(server.pid)) throw error;
      // Another workspace's server may have taken the port before ours did.
      port = undefined;
    }
  }
}

async function findOrSpawn(folder: string, port: number | undefined, signal?: AbortSignal): Promise<LocalServer> {
  const python = environmentPython(folder);
  if (!python) throw new UserError('MLflow is not installed (`npx nx run tools:mlflow-setup` installs it).', 1);
  const release = await lockServer(folder, signal);
  try {
    const found = await findLocalServer(folder);
    if (found) return { ...found, started: false };
    const artifacts = join(folder, 'artifacts');
    mkdirSync(artifacts, { recursive: true });
    const log = join(folder, 'server.log');
    const server = await spawnServer({
      python,
      database: databaseOf(folder),
      artifacts,
      port: await freePort(port),
      log,
    });
    // Before the server answers: other processes wait for it and start no second one, even if this process dies.
    writeState(folder, server);
    return { ...server, started: true };
  } finally {
    await release();
  }
}

/** The running or starting server over this folder's database, if any. */
export async function findLocalServer(folder = mlflowFolder): Promise<ServerProcess | undefined> {
  const state = readState(folder);
  if (!state || !isRunning(state.pid)) return undefined;
  // Another program may have this process id by now: compare its command line.
  const command = await commandLine(state.pid);
  if (command === undefined) return (await isHealthy(connect(state.uri))) ? state : undefined;
  return command.includes(databaseOf(folder)) ? state : undefined;
}

/** Stops the server over this folder's database. Returns whether there was one. */
export async function stopLocalServer(folder = mlflowFolder): Promise<boolean> {
  const server = await findLocalServer(folder);
  if (!server) return false;
  for (const [signal, patience] of [
    ['SIGTERM', 10_000],
    ['SIGKILL', 2_000],
  ] as const) {
    for (const until = Date.now() + patience; isGroupRunning(server.pid) && Date.now() < until; ) {
      if (isRunning(server.pid)) process.kill(-server.pid, signal);
      await sleep(100);
    }
  }
  rmSync(stateFile(folder), { force: true });
  return true;
}

const databaseOf = (folder: string): string => join(folder, 'mlflow.db');
const stateFile = (folder: string): string => join(folder, 'server.json');

function readState(folder: string): ServerProcess | undefined {
  try {
    const { uri, pid, log }: Partial<ServerProcess> = JSON.parse(readFileSync(stateFile(folder), 'utf8'));
    return uri && pid && log ? { uri, pid, log } : undefined;
  } catch {
    return undefined;
  }
}

function writeState(folder: string, server: ServerProcess): void {
  const temporary = `${stateFile(folder)}.${process.pid}.tmp`;
  writeFileSync(temporary, `${JSON.stringify(server)}\n`);
  renameSync(temporary, stateFile(folder));
}

/** A process's command line, '' if the process is gone; undefined if the system has no means to read it (no `ps`). */
async function commandLine(pid: number): Promise<string | undefined> {
  if (process.platform === 'linux') {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
    } catch {
      return '';
    }
  }
  try {
    return (await promisify(execFile)('ps', ['-ww', '-o', 'command=', '-p', String(pid)])).stdout;
  } catch {
    return undefined;
  }
}

/** The server and its worker are one process group. */
function isGroupRunning(pid: number): boolean {
  try {
    process.kill(-pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function lockServer(folder: string, signal?: AbortSignal): Promise<() => Promise<void>> {
  const options = { lockfilePath: join(folder, 'server.lock'), realpath: false, stale: 10_000 };
  for (;;) {
    signal?.throwIfAborted();
    try {
      return await lock(folder, { ...options, onCompromised: () => undefined });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ELOCKED') throw error;
      await sleep(200, undefined, { signal });
    }
  }
}
