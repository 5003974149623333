import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  connect,
  createExperiment,
  createLoggedModel,
  createRun,
  finalizeLoggedModel,
  getRegisteredModel,
} from 'mlflow-js-client';
import { serverOfTests } from '../../../test/mlflow-server';
import { registerRun } from '../../tracking/sync/register-run';
import { bestRun } from './best-run';
import type { ComparedRun } from './compared-run';

const server = serverOfTests();
const mlflow = () => connect(server.uri);
const { signal } = new AbortController();
let environment: string | undefined;

beforeAll(() => {
  environment = process.env.MLFLOW_TRACKING_URI;
  process.env.MLFLOW_TRACKING_URI = server.uri;
});
afterAll(() => {
  if (environment === undefined) delete process.env.MLFLOW_TRACKING_URI;
  else process.env.MLFLOW_TRACKING_URI = environment;
});

const compared = (row: string, accuracy: number, folder = '') =>
  ({ row, seed: 1, folder, metrics: { accuracy }, best: {} }) as unknown as ComparedRun;

test('the best run is that of the best row, not of the luckiest seed', () => {
  const runs = [compared('kd', 0.9), compared('kd', 0.5), compared('th-kd', 0.8), compared('th-kd', 0.85)];
  expect(bestRun(runs, 'accuracy')).toBe(runs[3]);
  expect(bestRun(runs, 'auc')).toBeUndefined();
});

let experimentId: string;
/** A run in MLflow, with a folder as `compare` finds it. */
async function trackedRun(name: string, logsModel: boolean): Promise<ComparedRun> {
  experimentId ??= await createExperiment(mlflow(), 'register-best');
  const { run_id: runId } = (await createRun(mlflow(), { experimentId, name, startTime: Date.now() })).info;
  if (logsModel) {
    const { info } = await createLoggedModel(mlflow(), { experimentId, name: 'student', sourceRunId: runId });
    await finalizeLoggedModel(mlflow(), info.model_id, 'LOGGED_MODEL_READY');
  }
  const folder = join(server.folder, name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'journal.sent.json'), JSON.stringify({ destination: server.uri, runId, bytes: 0 }));
  return compared(name, 0.5, folder);
}

test('a run becomes the first version, another one the second, and again stays what it is', async () => {
  const [one, two] = [await trackedRun('one', true), await trackedRun('two', true)];
  const [first, second, again] = [
    await registerRun(one, 'face student', signal),
    await registerRun(two, 'face student', signal),
    await registerRun(one, 'face student', signal),
  ];
  const address = `${server.uri}/#/models/face%20student/versions`;
  expect(first).toBe(`one is version 1 of face student (models:/face student/1): ${address}/1`);
  expect(second).toBe(`two is version 2 of face student (models:/face student/2): ${address}/2`);
  expect(again).toBe(first);
  expect((await getRegisteredModel(mlflow(), 'face student')).latest_versions[0]?.version).toBe('2');
});

test('one sentence for a run without a model, a run that was not sent, and a server that is away', async () => {
  const run = await trackedRun('bare', false);
  await expect(registerRun(run, 'x', signal)).rejects.toThrow(
    /^--register=x: the run of bare \(\w+\) logged no model$/,
  );
  await expect(registerRun({ ...run, folder: server.folder }, 'x', signal)).rejects.toThrow(
    '--register=x: bare is not in MLflow: run npx nx run tools:sync first',
  );
  process.env.MLFLOW_TRACKING_URI = 'http://127.0.0.1:9';
  await expect(registerRun(run, 'x', signal)).rejects.toThrow(
    /^--register=x: http:\/\/127\.0\.0\.1:9 cannot be reached: [^\n]+$/,
  );
  process.env.MLFLOW_TRACKING_URI = server.uri;
});
