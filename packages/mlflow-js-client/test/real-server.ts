import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { freePort, startServer } from '../src/index';

export interface RealServer {
  uri: string;
  /** A temporary folder that the server keeps everything in; tests may put their files there too. */
  folder: string;
  stop: () => void;
}

/** An MLflow server of the tests' own, over an empty store, from MLFLOW_PYTHON or the workspace's .mlflow/venv. */
export async function realServer(): Promise<RealServer> {
  const python = process.env.MLFLOW_PYTHON ?? resolve(__dirname, '../../../.mlflow/venv/bin/python');
  if (!existsSync(python)) throw new Error(`there is no MLflow at ${python}: run \`npx nx run tools:mlflow-setup\``);
  const folder = mkdtempSync(join(tmpdir(), 'mlflow-'));
  const { uri, pid } = await startServer({
    python,
    database: join(folder, 'mlflow.db'),
    artifacts: join(folder, 'artifacts'),
    log: join(folder, 'server.log'),
    port: await freePort(),
  });
  return {
    uri,
    folder,
    stop: () => {
      process.kill(-pid, 'SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
