import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  connect,
  fromKeyValues,
  getExperiment,
  getMetricHistory,
  getRun,
  listArtifacts,
  type Run,
} from 'mlflow-js-client';
import { serverOfTests } from '../../test/mlflow-server';
import { readJournal } from './journal/journal';
import { startTracking } from './start-tracking';
import type { TrackedRun } from './tracker';

const server = serverOfTests();

const trackedRun = (name: string): TrackedRun => ({
  package: 'face',
  experiment: 'distill',
  runName: `distill ${name} seed 1`,
  folder: join(server.folder, 'runs', name),
  trackingUri: server.uri,
  log: (sentence) => {
    throw new Error(`unexpected warning: ${sentence}`);
  },
});

const runOf = (address = ''): Promise<Run> =>
  getRun(connect(server.uri), /runs\/(\w+)/.exec(address)?.[1] ?? 'no address');

test('MLflow has everything that a finished run logged', async () => {
  const run = {
    ...trackedRun('th-kd'),
    params: { method: 'th-kd', data: { kind: 'procedural', identities: 400 }, widths: [64, 128] },
    tags: { 'headshare.key': 'abc' },
  };
  const tracker = await startTracking(run);
  for (let step = 0; step < 1500; step++) tracker.metrics({ loss: 1 / (step + 1), 'th-kd': step }, step);
  tracker.metrics({ 'verification/accuracy': 0.75, odd: Number.NaN }, 1);
  writeFileSync(join(run.folder, 'config.json'), '{}');
  mkdirSync(join(run.folder, 'pictures'));
  writeFileSync(join(run.folder, 'pictures', 'roc.svg'), '<svg/>');
  tracker.artifact(join(run.folder, 'config.json'));
  tracker.artifact(join(run.folder, 'pictures'), 'report');
  const { address, ...problems } = await tracker.finish('FINISHED');
  expect(problems).toEqual({});
  expect(address).toMatch(
    /^http:\/\/127\.0\.0\.1:\d+\/#\/experiments\/\d+\/runs\/\w{32}\?workflowType=machine_learning$/,
  );

  const { info, data } = await runOf(address);
  expect(info).toMatchObject({ run_name: 'distill th-kd seed 1', status: 'FINISHED' });
  const mlflow = connect(server.uri);
  expect(await getExperiment(mlflow, info.experiment_id)).toMatchObject({ name: 'headshare/face' });
  expect(fromKeyValues(data.params)).toEqual({
    method: 'th-kd',
    'data.kind': 'procedural',
    'data.identities': '400',
    widths: '[64,128]',
  });
  expect(fromKeyValues(data.tags)).toMatchObject({
    'mlflow.source.type': 'LOCAL',
    'mlflow.source.name': 'face:distill',
    'mlflow.user': expect.any(String),
    'headshare.key': 'abc',
  });
  const loss = await getMetricHistory(mlflow, info.run_id, 'loss');
  expect(loss.map(({ step, value }) => [step, value])).toEqual(
    Array.from({ length: 1500 }, (_, step) => [step, 1 / (step + 1)]),
  );
  expect(await getMetricHistory(mlflow, info.run_id, 'odd')).toMatchObject([{ step: 1, value: Number.NaN }]);
  const top = await listArtifacts(mlflow, info.run_id);
  expect(top.map(({ path }) => path).sort()).toEqual(['config.json', 'report']);
  expect(await listArtifacts(mlflow, info.run_id, 'report/pictures')).toEqual([
    { path: 'report/pictures/roc.svg', is_dir: false, file_size: 6 },
  ]);
});

test('a run that resumes in its folder continues the same MLflow run, without duplicate steps', async () => {
  const first = await startTracking({ ...trackedRun('resumed'), params: { epochs: 3 } });
  first.metrics({ loss: 3 }, 1);
  first.metrics({ loss: 2 }, 2);
  const killed = await first.finish('KILLED');
  expect((await runOf(killed.address)).info.status).toBe('KILLED');

  const second = await startTracking({ ...trackedRun('resumed'), params: { epochs: 3 } });
  second.metrics({ loss: 2 }, 2);
  second.metrics({ loss: 1 }, 3);
  const finished = await second.finish('FINISHED');
  expect(finished).toEqual(killed);
  const { info } = await runOf(finished.address);
  expect(info.status).toBe('FINISHED');
  const history = await getMetricHistory(connect(server.uri), info.run_id, 'loss');
  expect(history.map(({ step, value }) => [step, value])).toEqual([
    [1, 3],
    [2, 2],
    [3, 1],
  ]);
});

test('a resumed run keeps the first value of a param such as --jobs, which does not affect the result', async () => {
  const run = { ...trackedRun('jobs'), params: { jobs: 2 } };
  await (await startTracking(run)).finish('KILLED');
  const resumed = await startTracking({ ...run, params: { jobs: 4, seed: 1 } });
  const { address, ...problems } = await resumed.finish('FINISHED');
  expect(problems).toEqual({});
  expect(fromKeyValues((await runOf(address)).data.params)).toEqual({ jobs: '2', seed: '1' });
});

test('data that MLflow refuses are reported and do not block other data', async () => {
  const tracker = await startTracking({ ...trackedRun('refused'), params: { epochs: 3, seed: 1 } });
  tracker.params({ epochs: 4, method: 'kd' });
  tracker.metrics({ 'loss (student)': 1 }, 1);
  tracker.artifact(join(server.folder, 'no such file'));
  const { address, note } = await tracker.finish('FAILED');
  expect(note).toMatch(/^MLflow did not accept everything: .*epochs.*no such file/s);
  const { info, data } = await runOf(address);
  expect(info.status).toBe('FAILED');
  expect(fromKeyValues(data.params)).toMatchObject({ seed: '1', method: 'kd' });
  expect(data.metrics).toMatchObject([{ key: 'loss _student_', value: 1 }]);
});

test('the journal holds all events in order', async () => {
  const run = trackedRun('journal');
  const tracker = await startTracking(run);
  tracker.metrics({ loss: Number.POSITIVE_INFINITY }, 1);
  await tracker.finish('FINISHED');
  const types: string[] = [];
  for await (const { event } of readJournal(join(run.folder, 'journal.jsonl'))) types.push(event.type);
  expect(types).toEqual(['start', 'tags', 'metrics', 'finish']);
  const sent = JSON.parse(readFileSync(join(run.folder, 'journal.sent.json'), 'utf8'));
  expect(sent).toMatchObject({ destination: server.uri, refused: [] });
});

test('an invalid address is reported at once with its variable, and the run continues', async () => {
  const before = process.env.MLFLOW_TRACKING_URI;
  process.env.MLFLOW_TRACKING_URI = 'databricks';
  try {
    const warnings: string[] = [];
    const { trackingUri: _, ...run } = trackedRun('nowhere');
    const tracker = await startTracking({ ...run, log: (sentence) => warnings.push(sentence) });
    const problem = 'MLFLOW_TRACKING_URI: "databricks" is not an http or https address';
    expect(warnings).toEqual([`MLflow: ${problem}. The run continues, and its journal keeps everything.`]);
    tracker.metrics({ loss: 1 }, 1);
    expect(await tracker.finish('FINISHED')).toEqual({ unsent: problem });
  } finally {
    if (before === undefined) delete process.env.MLFLOW_TRACKING_URI;
    else process.env.MLFLOW_TRACKING_URI = before;
  }
});
