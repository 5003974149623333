import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, startServer } from 'mlflow-js-client';
import { environmentPython, mlflowFolder } from '../src/tracking/sync/local-server';

/** The Python of the workspace's MLflow. Throws if it is not installed: these tests need it. */
export function mlflowPython(): string {
  const python = environmentPython(mlflowFolder);
  if (!python || !existsSync(python)) throw new Error('MLflow is missing: run `npx nx run tools:mlflow-setup`');
  return python;
}

/** An MLflow server with an empty store; it can be killed and started again over the same data. */
export interface MlflowServer {
  readonly uri: string;
  readonly folder: string;
  start(): Promise<void>;
  /** Kills it with SIGKILL, so that it cannot clean up. */
  kill(): void;
  /** Kills it and removes its data. */
  remove(): void;
}

export async function mlflowServer(): Promise<MlflowServer> {
  const folder = mkdtempSync(join(tmpdir(), 'headshare-mlflow-'));
  const port = await freePort();
  let pid: number | undefined;
  const kill = (): void => {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
    pid = undefined;
  };
  return {
    uri: `http://127.0.0.1:${port}`,
    folder,
    start: async () => {
      const storage = { database: join(folder, 'mlflow.db'), artifacts: join(folder, 'artifacts') };
      ({ pid } = await startServer({ python: mlflowPython(), ...storage, port, log: join(folder, 'server.log') }));
    },
    kill,
    remove: () => {
      kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A server for one test file, started before its first test and removed after its last. */
export function serverOfTests(): MlflowServer {
  let server: MlflowServer | undefined;
  beforeAll(async () => {
    server = await mlflowServer();
    await server.start();
  }, 90_000);
  afterAll(() => server?.remove());
  const running = (): MlflowServer => {
    if (server === undefined) throw new Error('the server is only available within tests');
    return server;
  };
  return {
    get uri() {
      return running().uri;
    },
    get folder() {
      return running().folder;
    },
    start: () => running().start(),
    kill: () => running().kill(),
    remove: () => running().remove(),
  };
}
