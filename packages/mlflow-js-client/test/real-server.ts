import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type Connection, type ConnectOptions, connect, freePort, startServer } from '../src/index';

export interface RealServer {
  readonly uri: string;
  readonly pid: number;
  /** A temporary folder with all files of the server. */
  readonly folder: string;
}

/** The Python of MLFLOW_PYTHON or the workspace's .mlflow/venv. Throws if there is none: these tests need it. */
export function mlflowPython(): string {
  const python = process.env.MLFLOW_PYTHON ?? resolve(__dirname, '../../../.mlflow/venv/bin/python');
  if (!existsSync(python)) throw new Error(`there is no MLflow at ${python}: run \`npx nx run tools:mlflow-setup\``);
  return python;
}

/** Starts an MLflow server with an empty store. */
export async function startRealServer(args: string[] = [], environment: NodeJS.ProcessEnv = {}): Promise<RealServer> {
  const folder = mkdtempSync(join(tmpdir(), 'mlflow-'));
  try {
    const { uri, pid } = await startServer({
      python: mlflowPython(),
      database: join(folder, 'mlflow.db'),
      artifacts: join(folder, 'artifacts'),
      log: join(folder, 'server.log'),
      port: await freePort(),
      args,
      environment,
    });
    return { uri, pid, folder };
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

export function stopRealServer({ pid, folder }: RealServer): void {
  process.kill(-pid, 'SIGKILL');
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}

/** The server that all test files share, started by `start-server.ts`. */
export function realServer(): RealServer {
  return JSON.parse(process.env.MLFLOW_TEST_SERVER ?? '');
}

export function connectToRealServer(options?: ConnectOptions): Connection {
  return connect(realServer().uri, options);
}
