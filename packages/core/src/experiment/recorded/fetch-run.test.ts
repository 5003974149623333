/** Runs that only MLflow has, of a server of the test's own. */
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  connect,
  createLoggedModel,
  createRun,
  ensureExperiment,
  logBatch,
  uploadArtifact,
  uploadFolder,
} from 'mlflow-js-client';
import { type MlflowServer, mlflowServer } from '../../../test/mlflow-server';
import { readJournal } from '../../tracking/journal/journal';
import { fetchRun } from './fetch-run';
import { findRun } from './find-run';

let server: MlflowServer;
let root: string;
beforeAll(async () => {
  server = await mlflowServer();
  await server.start();
  root = mkdtempSync(join(tmpdir(), 'fetched-'));
  mkdirSync(join(root, 'packages/demo/experiments'), { recursive: true });
  writeFileSync(join(root, 'packages/demo/experiments/student.ts'), '');
}, 120_000);
afterAll(() => {
  server.remove();
  rmSync(root, { recursive: true });
});

/**
 * Has MLflow keep a run whose weights are said to be `said` and are `are`, as a file of the run or of its model. Its id.
 */
async function recorded(key: string, said: string, are: string, place: 'run' | 'model' = 'run'): Promise<string> {
  const folder = mkdtempSync(join(root, 'written-'));
  const write = (name: string, content: unknown) => writeFileSync(join(folder, name), JSON.stringify(content));
  const identity = { experiment: 'student', options: { student: { seed: 1 } }, data: 'd', sources: 's', device: 'cpu' };
  write('config.json', { package: 'demo', profile: 'default', ...identity });
  const digests = { 'last.safetensors': createHash('sha256').update(said).digest('hex') };
  write('result.json', { key, experiment: 'student', seconds: 1, digests, result: { metrics: {}, summary: '' } });
  const connection = connect(server.uri);
  const experimentId = await ensureExperiment(connection, 'headshare/demo');
  const { info } = await createRun(connection, { experimentId, name: key, startTime: Date.now() });
  await uploadFolder(connection, info, folder);
  const sourceRunId = info.run_id;
  const owner =
    place === 'run' ? info : (await createLoggedModel(connection, { experimentId, sourceRunId, name: 'student' })).info;
  writeFileSync(join(folder, 'last.safetensors'), are);
  await uploadArtifact(connection, owner, join(folder, 'last.safetensors'), 'last.safetensors');
  const told = { epoch: [1, 2], top1: [0.25, 0.5], 'step/loss': [3, 2] };
  const metrics = Object.entries(told).flatMap(([name, values]) =>
    values.map((value, i) => ({ key: name, value, step: 10 * (i + 1), timestamp: 1000 * (i + 1) })),
  );
  await logBatch(connection, info.run_id, { metrics });
  return info.run_id;
}

const found = async (word: string) => findRun(word, { root, connect: async () => connect(server.uri) });

test('are fetched once, whole, with what they told epoch by epoch', async () => {
  const id = await recorded('0123456789ab', 'weights', 'weights');
  const run = await found(id.slice(0, 20));
  expect(run).toMatchObject({
    package: 'demo',
    identity: { experiment: 'student' },
    finished: { key: '0123456789ab', address: expect.stringContaining(`${server.uri}/#/experiments/1/runs/${id}`) },
  });
  const folder = await fetchRun(run, root);
  expect(folder).toBe(join(root, '.cache/runs/0123456789ab'));
  expect(readFileSync(join(folder, 'last.safetensors'), 'utf8')).toBe('weights');
  expect(await fetchRun(run, root)).toBe(folder);
  const events = [];
  for await (const { event } of readJournal(join(folder, 'journal.jsonl'))) events.push(event);
  expect(events).toEqual([
    { type: 'metrics', step: 10, time: 1000, values: { epoch: 1, top1: 0.25 } },
    { type: 'metrics', step: 20, time: 2000, values: { epoch: 2, top1: 0.5 } },
  ]);
}, 60_000);

test('have their weights, which MLflow keeps with their model', async () => {
  const folder = await fetchRun(await found(await recorded('00112233aabb', 'weights', 'weights', 'model')), root);
  expect(readFileSync(join(folder, 'last.safetensors'), 'utf8')).toBe('weights');
  expect(readdirSync(folder).sort()).toEqual(['config.json', 'journal.jsonl', 'last.safetensors', 'result.json']);
}, 60_000);

test('of a name that leads out of the folder for them are refused', async () => {
  const id = await recorded('../../elsewhere', 'weights', 'weights');
  await expect(found(id)).rejects.toThrow(`run ${id} in MLflow calls itself '../../elsewhere', which is no run's key`);
}, 60_000);

test('whose files are others than they were are refused, and not kept', async () => {
  const id = await recorded('ba9876543210', 'weights', 'other weights');
  await expect(fetchRun(await found(id), root)).rejects.toThrow(
    `MLflow's last.safetensors of run ${id} is not what the run has written, or not there`,
  );
  expect(readdirSync(join(root, '.cache/runs')).filter((name) => name.startsWith('ba98'))).toEqual([]);
}, 60_000);
