import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import {
  connect,
  downloadArtifact,
  getMetricHistory,
  getRun,
  listArtifacts,
  listLoggedModelArtifacts,
  searchLoggedModels,
  searchRuns,
} from 'mlflow-js-client';
import { mlflowPython, mlflowServer, serverOfTests } from '../../../test/mlflow-server';
import { writeAtomically } from '../../system/write-atomically';
import { startTracking } from '../start-tracking';
import type { Tracker } from '../tracker';
import { destinationOf } from './destination';
import { journalSync } from './journal-sync';
import { addressIn } from './sync-state';

const server = serverOfTests();

const folderOf = (name: string) => join(server.folder, 'runs', name);
const journalOf = (name: string) => join(folderOf(name), 'journal.jsonl');
const start = (name: string, trackingUri = server.uri): Promise<Tracker> =>
  startTracking({
    package: 'face',
    experiment: name,
    runName: name,
    folder: folderOf(name),
    trackingUri,
    log: () => {},
  });

/** Logs a student for 2 x 2 images. */
function logStudent(tracker: Tracker, name: string, weights = 'weights'): void {
  const checkpoint = join(folderOf(name), 'last.safetensors');
  writeAtomically(checkpoint, [Buffer.from(weights)]);
  tracker.model({
    name: 'student',
    kind: 'resnet8',
    files: [checkpoint],
    inputs: [{ name: 'pixels', dtype: 'uint8', shape: [-1, 2, 2, 3] }],
    outputs: [
      { name: 'logits', dtype: 'float32', shape: [-1, 4] },
      { name: 'embedding', dtype: 'float32', shape: [-1, 16] },
    ],
    inputExample: {
      pixels: [
        [
          [
            [1, 2, 3],
            [4, 5, 6],
          ],
          [
            [7, 8, 9],
            [10, 11, 255],
          ],
        ],
      ],
    },
    params: { width: 0.25, normalisation: { mean: [0.5] } },
    metrics: { top1: 0.75, ece: Number.NaN },
  });
}

/** Sends a journal from its beginning, without a sync state. */
async function sendAgain(name: string, uri = server.uri) {
  rmSync(join(folderOf(name), 'journal.sent.json'), { force: true });
  const sync = journalSync(journalOf(name), destinationOf(uri));
  await sync.send(AbortSignal.timeout(20_000));
  return sync.state()?.runId ?? '';
}

const runIdOf = (address = ''): string => /runs\/(\w+)/.exec(address)?.[1] ?? 'no address';

async function modelsOf(runId: string) {
  const mlflow = connect(server.uri);
  const { info } = await getRun(mlflow, runId);
  return searchLoggedModels(mlflow, {
    experimentIds: [info.experiment_id],
    filter: `source_run_id = '${runId}'`,
  });
}

test("a run's datasets become its inputs, once, even if they are logged and sent again", async () => {
  const tracker = await start('datasets');
  const pixels = { name: 'pixels', dtype: 'uint8', shape: [-1, 32, 32, 3] };
  const train = { digest: '0123456789abcdef', features: [pixels], profile: { num_rows: 400, num_classes: 10 } };
  const targets = [{ name: 'label', dtype: 'int32', shape: [-1] }];
  tracker.dataset({ ...train, name: 'faces-train', context: 'training', targets });
  tracker.dataset({ ...train, name: 'lfw', context: 'evaluation', from: '/data/lfw.bin' });
  tracker.dataset({ ...train, name: 'lfw', context: 'evaluation', from: '/data/lfw.bin' });
  const { address, note } = await tracker.finish('FINISHED');
  expect(note).toBeUndefined();
  expect(await sendAgain('datasets')).toBe(runIdOf(address));

  const { inputs } = await getRun(connect(server.uri), runIdOf(address));
  const found = inputs.dataset_inputs.toSorted((a, b) => a.dataset.name.localeCompare(b.dataset.name));
  expect(found.map(({ dataset, tags }) => [dataset.name, dataset.source_type, dataset.source, tags])).toEqual([
    [
      'faces-train',
      'code',
      '{"tags":{"mlflow.source.name":"face","mlflow.source.type":"LOCAL"}}',
      [{ key: 'mlflow.data.context', value: 'training' }],
    ],
    ['lfw', 'local', '{"uri":"/data/lfw.bin"}', [{ key: 'mlflow.data.context', value: 'evaluation' }]],
  ]);
  expect(JSON.parse(found[0]?.dataset.profile ?? '')).toEqual({ num_rows: 400, num_classes: 10 });
  // Reads them with MLflow's own client.
  const read = python(`
import json, mlflow
from mlflow.data.schema import TensorDatasetSchema
mlflow.set_tracking_uri('${server.uri}')
inputs = mlflow.get_run('${runIdOf(address)}').inputs.dataset_inputs
datasets = {i.dataset.name: i.dataset for i in inputs}
schema = TensorDatasetSchema.from_dict(json.loads(datasets['faces-train'].schema))
source = mlflow.data.get_source(datasets['lfw'])
print(json.dumps([str(schema.features.inputs), str(schema.targets.inputs), source.uri]))`);
  expect(read).toEqual([
    "['pixels': Tensor('uint8', (-1, 32, 32, 3))]",
    "['label': Tensor('int32', (-1,))]",
    '/data/lfw.bin',
  ]);
}, 60_000);

test('a network becomes a model with metrics, a signature and an input example that MLflow can read', async () => {
  const tracker = await start('student');
  tracker.metrics({ top1: 0.5 }, 10);
  tracker.metrics({ top1: 0.75 }, 20);
  logStudent(tracker, 'student');
  // A run logs all its files at its end; this one is part of the model.
  tracker.artifact(join(folderOf('student'), 'last.safetensors'));
  const { address, note } = await tracker.finish('FINISHED');
  expect(note).toBeUndefined();
  const runId = runIdOf(address);

  const mlflow = connect(server.uri);
  const [model, ...others] = await modelsOf(runId);
  expect(others).toEqual([]);
  const { info, data } = model ?? { info: { model_id: '' }, data: { params: [], metrics: [] } };
  expect(info).toMatchObject({ name: 'student', model_type: 'resnet8', status: 'LOGGED_MODEL_READY' });
  expect(data.params.toSorted((a, b) => a.key.localeCompare(b.key))).toEqual([
    { key: 'normalisation.mean', value: '[0.5]' },
    { key: 'width', value: '0.25' },
  ]);
  expect(data.metrics).toContainEqual(expect.objectContaining({ key: 'top1', value: 0.75, step: 20 }));
  expect((await listLoggedModelArtifacts(mlflow, info.model_id)).map(({ path }) => path)).toEqual([
    'MLmodel',
    'input_example.json',
    'last.safetensors',
  ]);
  expect(await listArtifacts(mlflow, runId)).toEqual([]);
  expect((await getRun(mlflow, runId)).outputs.model_outputs).toEqual([{ model_id: info.model_id, step: 20 }]);
  // The model shares the run's own metric point.
  const history = await getMetricHistory(mlflow, runId, 'top1');
  expect(history.map(({ step, value }) => [step, value])).toEqual([
    [10, 0.5],
    [20, 0.75],
  ]);

  const read = python(`
import json, mlflow
from mlflow.models import Model, get_model_info
mlflow.set_tracking_uri('${server.uri}')
info = get_model_info('models:/${info.model_id}')
model = Model.load('models:/${info.model_id}')
example = model.load_input_example('models:/${info.model_id}')
print(json.dumps([info.run_id, info.flavors, str(info.signature.inputs), str(info.signature.outputs.inputs),
  str(example['pixels'].dtype), example['pixels'].shape, int(example['pixels'].max())]))`);
  expect(read).toEqual([
    runId,
    { headshare: { checkpoint: 'last.safetensors' } },
    "['pixels': Tensor('uint8', (-1, 2, 2, 3))]",
    "['logits': Tensor('float32', (-1, 4)), 'embedding': Tensor('float32', (-1, 16))]",
    'uint8',
    [1, 2, 2, 3],
    255,
  ]);
}, 60_000);

test('a network that is sent or logged again is one model; other weights are another model', async () => {
  for (const weights of ['weights', 'weights', 'other weights']) {
    const tracker = await start('again');
    logStudent(tracker, 'again', weights);
    await tracker.finish('FINISHED');
  }
  const runId = await sendAgain('again');
  const models = await modelsOf(runId);
  expect(models.map(({ info: { name, status } }) => [name, status])).toEqual([
    ['student', 'LOGGED_MODEL_READY'],
    ['student', 'LOGGED_MODEL_READY'],
  ]);
  expect((await getRun(connect(server.uri), runId)).outputs.model_outputs).toHaveLength(2);
}, 60_000);

test('sending a network resumes after an interruption at any request', async () => {
  const tracker = await start('cut off', 'databricks');
  tracker.metrics({ top1: 0.75 }, 20);
  logStudent(tracker, 'cut off');
  await tracker.finish('FINISHED');
  writeAtomically(join(folderOf('cut off'), 'last.safetensors'), [Buffer.from('replaced')]);
  // Each attempt gets one more answer than the attempt before.
  let runId: string | undefined;
  let attempts = 0;
  while (runId === undefined) {
    const proxy = await answering(++attempts);
    const once = destinationOf(proxy.uri, { MLFLOW_HTTP_REQUEST_MAX_RETRIES: '0' });
    const sync = journalSync(journalOf('cut off'), { ...once, name: 'through a proxy' });
    const error = await sync.send(AbortSignal.timeout(20_000)).catch((reason: unknown) => reason);
    if (error === undefined) runId = sync.state()?.runId ?? '';
    else expect(JSON.stringify(error)).toMatch(/"code":"(UNREACHABLE|FILES_WAIT)"/);
    proxy.close();
  }
  // Requests create the experiment, run, batch and model, send its three files, and finish model and run.
  expect(attempts).toBeGreaterThan(5);
  const mlflow = connect(server.uri);
  const [model, ...others] = await modelsOf(runId);
  expect(others).toEqual([]);
  expect(model?.info.status).toBe('LOGGED_MODEL_READY');
  const { info, outputs } = await getRun(mlflow, runId);
  expect([info.status, outputs.model_outputs.length]).toEqual(['FINISHED', 1]);
  const named = { experimentIds: [info.experiment_id], filter: "attributes.run_name = 'cut off'" };
  expect(await searchRuns(mlflow, named)).toHaveLength(1);
  const copy = join(server.folder, 'copy');
  await downloadArtifact(mlflow, model?.info ?? { artifact_uri: '' }, 'last.safetensors', copy);
  expect(readFileSync(copy, 'utf8')).toBe('weights');
  // The spool keeps only the input example.
  const spooled = readdirSync(join(folderOf('cut off'), 'journal.files'));
  expect(spooled.map((name) => readFileSync(join(folderOf('cut off'), 'journal.files', name), 'utf8'))).toEqual([
    expect.stringMatching(/^{"pixels":/),
  ]);
}, 120_000);

test('a run that was sent to one server can be sent completely to another', async () => {
  const tracker = await start('moved');
  tracker.metrics({ top1: 0.75 }, 20);
  logStudent(tracker, 'moved');
  const first = await tracker.finish('FINISHED');
  const other = await mlflowServer();
  try {
    await other.start();
    const sync = journalSync(journalOf('moved'), destinationOf(other.uri));
    await sync.send(AbortSignal.timeout(20_000));
    expect(sync.state()?.refused).toEqual([]);
    expect(addressIn(journalOf('moved'))).toMatch(`${other.uri}/#/experiments/`);
    const { info } = await getRun(connect(other.uri), sync.state()?.runId ?? '');
    const filter = `source_run_id = '${info.run_id}'`;
    const [model] = await searchLoggedModels(connect(other.uri), { experimentIds: [info.experiment_id], filter });
    expect([info.status, model?.info.status]).toEqual(['FINISHED', 'LOGGED_MODEL_READY']);
    expect(first.address).toContain(server.uri);
  } finally {
    other.remove();
  }
}, 120_000);

/** The JSON output of a program in MLflow's Python. */
function python(program: string): unknown {
  return JSON.parse(
    execFileSync(mlflowPython(), ['-c', program], { encoding: 'utf8' }).trim().split('\n').at(-1) ?? '',
  );
}

/** Starts a proxy that forwards this many answers and loses all later ones. */
async function answering(times: number): Promise<{ readonly uri: string; close(): void }> {
  let left = times;
  const proxy = createServer((incoming, outgoing) => {
    const { method, url: path, headers } = incoming;
    const forwarded = request(server.uri + path, { method, headers }, (response) => {
      const { statusCode = 0, headers: given } = response;
      if (left-- > 0) response.pipe(outgoing.writeHead(statusCode, given));
      else response.resume().on('end', () => incoming.socket.destroy());
    });
    incoming.pipe(forwarded);
  });
  await new Promise<void>((listening) => proxy.listen(0, '127.0.0.1', listening));
  const { port } = proxy.address() as AddressInfo;
  return { uri: `http://127.0.0.1:${port}`, close: () => proxy.close().closeAllConnections() };
}
