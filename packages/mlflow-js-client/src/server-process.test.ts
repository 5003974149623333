import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mlflowPython } from '../test/real-server';
import { freePort, type ServerProcess, spawnServer, untilHealthy } from './index';

let folder: string;
const servers: ServerProcess[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mlflow-servers-'));
});

afterEach(() => {
  for (const { pid } of servers.splice(0)) {
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      // It has ended.
    }
  }
  rmSync(folder, { recursive: true, force: true });
});

async function spawn(name: string, port: number): Promise<ServerProcess> {
  const own = join(folder, name);
  mkdirSync(own);
  const server = await spawnServer({
    python: mlflowPython(),
    database: join(own, 'mlflow.db'),
    artifacts: join(own, 'artifacts'),
    log: join(own, 'server.log'),
    port,
  });
  servers.push(server);
  return server;
}

test('of two servers that found the same port free, the one that did not get it has not started', async () => {
  const port = await freePort();
  const both = [await spawn('one', port), await spawn('other', port)];

  const outcomes = await Promise.allSettled(both.map((server) => untilHealthy(server)));

  expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  const failed = outcomes.find(({ status }) => status === 'rejected') as PromiseRejectedResult;
  expect(failed.reason).toMatchObject({ code: 'SERVER_NOT_STARTED' });
  expect(failed.reason.message).toMatch(/^the MLflow server did not start: it ended with ".*" \(.*server\.log\)$/);
}, 120_000);
