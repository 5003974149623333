/** Runs that only MLflow has, on a real server. */
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
  updateRun,
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

/** Uploads a run whose result.json has the digest of `written`, with a file of other weights. @returns its id */
async function recorded(
  key: string,
  written: string,
  weights: string,
  owned: 'run' | 'model' = 'run',
): Promise<string> {
  const folder = mkdtempSync(join(root, 'written-'));
  const write = (name: string, content: unknown) => writeFileSync(join(folder, name), JSON.stringify(content));
  const identity = { experiment: 'student', options: { student: { seed: 1 } }, data: 'd', sources: 's', device: 'cpu' };
  write('config.json', { package: 'demo', profile: 'default', ...identity });
  const digests = { 'last.safetensors': createHash('sha256').update(written).digest('hex') };
  write('result.json', { key, experiment: 'student', seconds: 1, digests, result: { metrics: {}, summary: '' } });
  const connection = connect(server.uri);
  const experimentId = await ensureExperiment(connection, 'headshare/demo');
  const tags = { 'headshare.key': key };
  const { info } = await createRun(connection, { experimentId, name: key, startTime: Date.now(), tags });
  await uploadFolder(connection, info, folder);
  const sourceRunId = info.run_id;
  const owner =
    owned === 'run' ? info : (await createLoggedModel(connection, { experimentId, sourceRunId, name: 'student' })).info;
  writeFileSync(join(folder, 'last.safetensors'), weights);
  await uploadArtifact(connection, owner, join(folder, 'last.safetensors'), 'last.safetensors');
  const values = { epoch: [1, 2], top1: [0.25, 0.5], 'step/loss': [3, 2] };
  const metrics = Object.entries(values).flatMap(([name, all]) =>
    all.map((value, i) => ({ key: name, value, step: 10 * (i + 1), timestamp: 1000 * (i + 1) })),
  );
  await logBatch(connection, info.run_id, { metrics });
  return info.run_id;
}

const find = async (word: string) => findRun(word, { root, connect: async () => connect(server.uri) });

test('a run is downloaded once, with all its files and its metrics by epoch', async () => {
  const id = await recorded('0123456789ab', 'weights', 'weights');
  const run = await find(id.slice(0, 20));
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

test('a key finds a run that only MLflow has: of several machines, that of one which has finished', async () => {
  const first = await recorded('aabbccddeeff', 'weights', 'weights');
  await updateRun(connect(server.uri), first, { status: 'FINISHED', endTime: Date.now() });
  await recorded('aabbccddeeff', 'weights', 'other weights');
  for (const word of ['aabbccddeeff', 'aabbccdd']) {
    expect((await find(word)).finished).toMatchObject({
      key: 'aabbccddeeff',
      address: expect.stringContaining(first),
    });
  }
  await recorded('aabbccdd0000', 'weights', 'weights');
  await expect(find('aabbccdd')).rejects.toThrow('several runs begin with aabbccdd: ');
  expect((await find('aabbccddeeff')).finished.address).toContain(first);
}, 60_000);

test("the weights come from the run's model", async () => {
  const folder = await fetchRun(await find(await recorded('00112233aabb', 'weights', 'weights', 'model')), root);
  expect(readFileSync(join(folder, 'last.safetensors'), 'utf8')).toBe('weights');
  expect(readdirSync(folder).sort()).toEqual(['config.json', 'journal.jsonl', 'last.safetensors', 'result.json']);
}, 60_000);

test('a key that leads out of the folder is refused', async () => {
  const id = await recorded('../../elsewhere', 'weights', 'weights');
  await expect(find(id)).rejects.toThrow(`run ${id} in MLflow calls itself '../../elsewhere', which is no run's key`);
}, 60_000);

test('a run with other files than it wrote is refused, and its copy is removed', async () => {
  const id = await recorded('ba9876543210', 'weights', 'other weights');
  await expect(fetchRun(await find(id), root)).rejects.toThrow(
    `MLflow's last.safetensors of run ${id} is missing, or is not the file that the run wrote`,
  );
  expect(readdirSync(join(root, '.cache/runs')).filter((name) => name.startsWith('ba98'))).toEqual([]);
}, 60_000);
