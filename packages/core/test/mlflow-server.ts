import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, startServer } from 'mlflow-js-client';
import { environmentPython, mlflowFolder } from '../src/tracking/sync/local-server';

/** The Python of the workspace's MLflow. Throws when it is not installed: these tests are of no worth without it. */
export function mlflowPython(): string {
  const python = environmentPython(mlflowFolder);
  if (!python || !existsSync(python)) throw new Error('MLflow is missing: run `npx nx run tools:mlflow-setup`');
  return python;
}

/** An MLflow server of a test's own, over an empty store; it can be killed and started again over the same data. */
export interface MlflowServer {
  readonly uri: string;
  readonly folder: string;
  start(): Promise<void>;
  /** As a power cut would end it. */
  kill(): void;
  /** `kill`, and everything it kept is removed. */
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
      const place = { database: join(folder, 'mlflow.db'), artifacts: join(folder, 'artifacts') };
      ({ pid } = await startServer({ python: mlflowPython(), ...place, port, log: join(folder, 'server.log') }));
    },
    kill,
    remove: () => {
      kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** For a file of tests: a server of its own that runs from before its first test until after its last. */
export function serverOfTests(): MlflowServer {
  let server: MlflowServer | undefined;
  beforeAll(async () => {
    server = await mlflowServer();
    await server.start();
  }, 90_000);
  afterAll(() => server?.remove());
  const running = (): MlflowServer => {
    if (server === undefined) throw new Error('the server of these tests runs only while they do');
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
