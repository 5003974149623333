import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { connect, getRun, listArtifacts, readArtifact } from 'mlflow-js-client';
import { type FaultyProxy, faultyProxy } from '../../../test/faulty-proxy';
import { serverOfTests } from '../../../test/mlflow-server';
import { writeAtomically } from '../../system/write-atomically';
import { startTracking } from '../start-tracking';

const server = serverOfTests();
let proxy: FaultyProxy;
let version: string;
const pageNotFound =
  '<!doctype html>\n<html lang=en>\n<title>404 Not Found</title>\n<h1>Not Found</h1>\n<p>The requested URL was not found on the server.</p>\n';

/** MLflow 3 without its models answers as MLflow 2 does. */
beforeAll(async () => {
  proxy = await faultyProxy(server.uri);
  proxy.fault = (path) => {
    if (path.includes('/logged-models')) return { kind: 'answer', status: 404, body: pageNotFound };
    if (path !== '/version') return undefined;
    return version === ''
      ? { kind: 'answer', status: 404, body: pageNotFound }
      : { kind: 'answer', status: 200, body: version };
  };
});
afterAll(() => proxy.close());

test.each([
  ['2.22.1', 'the server has MLflow 2.22.1'],
  ['', 'the server does not know models'],
])(
  'a server of MLflow 2 (version %s) gets everything, and one sentence says that models need MLflow 3',
  async (given, reason) => {
    version = given;
    const folder = join(server.folder, 'runs', `mlflow-2 ${given}`);
    const warnings: string[] = [];
    const tracker = await startTracking({
      package: 'face',
      experiment: 'student',
      runName: 'old server',
      folder,
      params: { epochs: 3 },
      trackingUri: proxy.uri,
      log: (line) => warnings.push(line),
    });
    tracker.metrics({ top1: 0.75 }, 20);
    const checkpoint = join(folder, 'last.safetensors');
    writeAtomically(checkpoint, ['weights']);
    tracker.model({
      name: 'student',
      kind: 'resnet8',
      files: [checkpoint],
      inputs: [{ name: 'pixels', dtype: 'uint8', shape: [-1, 2, 2, 3] }],
      outputs: [{ name: 'logits', dtype: 'float32', shape: [-1, 4] }],
      params: {},
      metrics: { top1: 0.75 },
    });
    writeAtomically(join(folder, 'result.json'), ['{}']);
    tracker.artifact(join(folder, 'result.json'));
    const { address = '', unsent, note } = await tracker.finish('FINISHED');

    expect({ warnings, unsent }).toEqual({ warnings: [], unsent: undefined });
    expect(note).toBe(
      `MLflow did not accept everything: the model student: ${reason}, and models need MLflow 3; its files are among the run's artifacts, in models/student.`,
    );
    const mlflow = connect(server.uri);
    const { info, data } = await getRun(mlflow, /runs\/(\w+)/.exec(address)?.[1] ?? '');
    expect(info.status).toBe('FINISHED');
    expect(data.params).toContainEqual({ key: 'epochs', value: '3' });
    expect(data.metrics).toContainEqual(expect.objectContaining({ key: 'top1', value: 0.75, step: 20 }));
    expect((await listArtifacts(mlflow, info.run_id)).map(({ path }) => path).sort()).toEqual([
      'models',
      'result.json',
    ]);
    expect(await text(readArtifact(mlflow, info, 'models/student/last.safetensors'))).toBe('weights');
    const described = await text(readArtifact(mlflow, info, 'models/student/MLmodel'));
    expect(described).toContain(`run_id: "${info.run_id}"`);
    expect(described).toContain('artifact_path: "models/student"');
  },
);
