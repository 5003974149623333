import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
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
  /** Whether the server outlives this process. */
  detached?: boolean;
  /** Milliseconds until it must answer. */
  timeout?: number;
}

export interface ServerProcess {
  uri: string;
  pid: number;
}

/**
 * Starts `mlflow server` on 127.0.0.1 over SQLite with one worker, and waits until it answers.
 * Its process leads a group of its own (`process.kill(-pid)` ends its worker too).
 * Throws MlflowError SERVER_NOT_STARTED with the last line that it printed.
 */
export async function startServer(options: ServerOptions): Promise<ServerProcess> {
  const { python, database, artifacts, port } = options;
  const arguments_ = ['-m', 'mlflow', 'server', '--host', '127.0.0.1', '--port', String(port), '--workers', '1'];
  arguments_.push('--backend-store-uri', `sqlite:///${database}`, '--artifacts-destination', artifacts);
  const output = openSync(options.log, 'w');
  const child = spawn(python, arguments_, {
    detached: true,
    stdio: ['ignore', output, output],
    env: {
      ...process.env,
      // Three more Python processes for jobs of MLflow's language-model side, which runs of a training never use.
      MLFLOW_SERVER_ENABLE_JOB_EXECUTION: 'false',
      MLFLOW_DISABLE_TELEMETRY: 'true',
      PYTHONWARNINGS: 'ignore',
    },
  });
  closeSync(output);
  let ended: string | undefined;
  child.once('error', (error) => {
    ended = error.message;
  });
  child.once('exit', (code, signal) => {
    ended = `it ended with ${signal ?? `code ${code}`}`;
  });
  if (options.detached) child.unref();

  const uri = `http://127.0.0.1:${port}`;
  const until = Date.now() + (options.timeout ?? 60_000);
  while (!ended && Date.now() < until) {
    if (await isHealthy(connect(uri))) {
      if (!ended && child.pid !== undefined) return { uri, pid: child.pid };
    }
    await sleep(100);
  }
  if (child.pid !== undefined && !ended) process.kill(-child.pid, 'SIGKILL');
  const last = readFileSync(options.log, 'utf8').trim().split('\n').at(-1);
  const why = ended ?? `no answer within ${(options.timeout ?? 60_000) / 1000} s`;
  throw new MlflowError(`the MLflow server did not start: ${why}${last ? ` (${last})` : ''}`, 'SERVER_NOT_STARTED', 0);
}

/** `preferred` if nothing listens there on 127.0.0.1, otherwise any free port. */
export async function freePort(preferred = 0): Promise<number> {
  const listen = (port: number) =>
    new Promise<number>((resolve, reject) => {
      const server = createServer();
      server.once('error', reject);
      server.listen(port, '127.0.0.1', () => {
        const address = server.address();
        server.close(() => resolve(typeof address === 'object' && address ? address.port : port));
      });
    });
  return preferred === 0 ? listen(0) : listen(preferred).catch(() => listen(0));
}
