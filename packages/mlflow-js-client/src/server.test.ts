import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectToRealServer, mlflowPython } from '../test/real-server';
import { connect, freePort, getVersion, isHealthy, type ServerProcess, spawnServer, untilHealthy } from './index';

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

test('a server with a huge log is found healthy', async () => {
  const server = createServer((_, response) => response.end('OK')).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const log = join(folder, 'server.log');
  writeFileSync(log, 'INFO:     Uvicorn running on http://127.0.0.1:5000 (Press CTRL+C to quit)\n');
  // Longer than the longest string.
  truncateSync(log, 600 * 2 ** 20);
  const { port } = server.address() as AddressInfo;
  try {
    await untilHealthy({ uri: `http://127.0.0.1:${port}`, pid: process.pid, log }, 1000);
  } finally {
    server.close();
  }
});

test('a free port is the preferred one or below the range of outgoing connections', async () => {
  const own = createServer().listen(0, '127.0.0.1');
  await once(own, 'listening');
  const { port: taken } = own.address() as AddressInfo;
  try {
    for (const preferred of [undefined, 0, taken]) {
      const port = await freePort(preferred);
      expect(port).toBeGreaterThanOrEqual(20_000);
      expect(port).toBeLessThan(32_000);
    }
  } finally {
    own.close();
  }
  const free = await freePort();
  expect(await freePort(free)).toBe(free);
});

test('of two servers for one port, the one without the port fails to start', async () => {
  const port = await freePort();
  const both = [await spawn('one', port), await spawn('other', port)];

  const outcomes = await Promise.allSettled(both.map((server) => untilHealthy(server)));

  expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  const failed = outcomes.find(({ status }) => status === 'rejected') as PromiseRejectedResult;
  expect(failed.reason).toMatchObject({ code: 'SERVER_NOT_STARTED' });
  expect(failed.reason.message).toMatch(/^the MLflow server did not start: it ended with ".*" \(.*server\.log\)$/);
}, 120_000);

test('isHealthy and getVersion ask the server', async () => {
  expect(await isHealthy(connectToRealServer())).toBe(true);
  expect(await getVersion(connectToRealServer())).toMatch(/^3\./);
  expect(await isHealthy(connect(`http://127.0.0.1:${await freePort()}`))).toBe(false);
});
