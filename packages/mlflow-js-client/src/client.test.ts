import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type RealServer, realServer } from '../test/real-server';
import {
  type Connection,
  connect,
  createExperiment,
  createRun,
  ensureExperiment,
  freePort,
  getExperiment,
  getExperimentByName,
  getMetricHistory,
  getRun,
  getVersion,
  isHealthy,
  keyValues,
  listArtifacts,
  logBatch,
  type Run,
  restoreExperiment,
  searchRuns,
  setTag,
  updateRun,
  uploadArtifact,
} from './index';

let server: RealServer;
let mlflow: Connection;

beforeAll(async () => {
  server = await realServer();
  mlflow = connect(server.uri);
}, 90_000);

afterAll(() => server?.stop());

const newRun = async (name = 'a run'): Promise<Run> =>
  createRun(mlflow, { experimentId: '0', name, startTime: 1_700_000_000_000, tags: { team: 'vision' } });

test('a server tells its health and version', async () => {
  expect(await isHealthy(mlflow)).toBe(true);
  expect(await getVersion(mlflow)).toMatch(/^3\./);
  expect(await isHealthy(connect(`http://127.0.0.1:${await freePort()}`))).toBe(false);
});

describe('experiments', () => {
  test('are created once and found by name and id', async () => {
    const id = await createExperiment(mlflow, 'headshare/face', { team: 'vision' });
    expect(await getExperiment(mlflow, id)).toMatchObject({
      name: 'headshare/face',
      lifecycle_stage: 'active',
      tags: expect.arrayContaining([{ key: 'team', value: 'vision' }]),
    });
    expect(await getExperimentByName(mlflow, 'headshare/face')).toMatchObject({ experiment_id: id });
    expect(await getExperimentByName(mlflow, 'no such')).toBeUndefined();
    await expect(createExperiment(mlflow, 'headshare/face')).rejects.toMatchObject({
      name: 'MlflowError',
      code: 'RESOURCE_ALREADY_EXISTS',
      status: 400,
    });
  });

  test('ensured by several processes at once, are one', async () => {
    const ids = await Promise.all(Array.from({ length: 4 }, () => ensureExperiment(mlflow, 'many at once')));
    expect(new Set(ids).size).toBe(1);
  });

  test('ensured after someone deleted them, are restored', async () => {
    const id = await createExperiment(mlflow, 'deleted');
    await fetch(`${server.uri}/api/2.0/mlflow/experiments/delete`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ experiment_id: id }),
    });
    expect((await getExperiment(mlflow, id)).lifecycle_stage).toBe('deleted');
    expect(await ensureExperiment(mlflow, 'deleted')).toBe(id);
    expect((await getExperiment(mlflow, id)).lifecycle_stage).toBe('active');
    await expect(restoreExperiment(mlflow, '999999')).rejects.toMatchObject({ code: 'RESOURCE_DOES_NOT_EXIST' });
  });
});

describe('runs', () => {
  test('are created, changed, tagged and read back', async () => {
    const { info } = await newRun('first');
    expect(info).toMatchObject({ run_name: 'first', status: 'RUNNING', start_time: 1_700_000_000_000 });
    await setTag(mlflow, info.run_id, 'team', 'speech');
    await updateRun(mlflow, info.run_id, { status: 'FINISHED', endTime: 1_700_000_001_000, name: 'renamed' });
    const run = await getRun(mlflow, info.run_id);
    expect(run.info).toMatchObject({ run_name: 'renamed', status: 'FINISHED', end_time: 1_700_000_001_000 });
    expect(run.data.tags).toContainEqual({ key: 'team', value: 'speech' });
  });

  test('are searched by tag, up to a limit', async () => {
    const id = await createExperiment(mlflow, 'searched');
    for (const colour of ['red', 'blue', 'red']) {
      await createRun(mlflow, { experimentId: id, name: colour, startTime: 1, tags: { colour } });
    }
    const search = { experimentIds: [id], filter: "tags.colour = 'red'" };
    expect((await searchRuns(mlflow, search)).map((run) => run.info.run_name)).toEqual(['red', 'red']);
    expect(await searchRuns(mlflow, { ...search, limit: 1 })).toHaveLength(1);
  });
});

describe('a batch', () => {
  test('larger than every limit of MLflow arrives whole', async () => {
    const { info } = await newRun();
    const params = Object.fromEntries(Array.from({ length: 230 }, (_, i) => [`p${i}`, 'x'.repeat(5000)]));
    const tags = Object.fromEntries(Array.from({ length: 110 }, (_, i) => [`t${i}`, String(i)]));
    const metrics = Array.from({ length: 2345 }, (_, step) => ({
      key: 'loss',
      value: 1 / (step + 1),
      timestamp: 5,
      step,
    }));
    await logBatch(mlflow, info.run_id, { params: keyValues(params), tags: keyValues(tags), metrics });

    const run = await getRun(mlflow, info.run_id);
    expect(Object.fromEntries((run.data.params ?? []).map(({ key, value }) => [key, value]))).toEqual(params);
    expect(run.data.tags).toEqual(expect.arrayContaining(keyValues(tags)));
    expect(await getMetricHistory(mlflow, info.run_id, 'loss')).toEqual(metrics);
  });

  test('sent twice is kept once', async () => {
    const { info } = await newRun();
    const batch = {
      params: keyValues({ epochs: '3' }),
      metrics: [0, 1].map((step) => ({ key: 'loss', value: 0.5, timestamp: 7 + step, step })),
    };
    await logBatch(mlflow, info.run_id, batch);
    await logBatch(mlflow, info.run_id, batch);
    expect(await getMetricHistory(mlflow, info.run_id, 'loss')).toEqual(batch.metrics);
  });

  test('may hold NaN and infinities; the SQL store keeps an infinity as the largest double', async () => {
    const { info } = await newRun();
    const values = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    await logBatch(mlflow, info.run_id, {
      metrics: values.map((value, step) => ({ key: 'odd', value, timestamp: 1, step })),
    });
    const history = await getMetricHistory(mlflow, info.run_id, 'odd');
    expect(history.map(({ value }) => value)).toEqual([Number.NaN, Number.MAX_VALUE, -Number.MAX_VALUE]);
  });

  test('that changes a param is refused with the code of MLflow', async () => {
    const { info } = await newRun();
    await logBatch(mlflow, info.run_id, { params: keyValues({ epochs: '3' }) });
    await expect(logBatch(mlflow, info.run_id, { params: keyValues({ epochs: '4' }) })).rejects.toMatchObject({
      code: 'INVALID_PARAMETER_VALUE',
      transient: false,
    });
  });
});

describe('artifacts', () => {
  test('are uploaded byte by byte into folders, and listed', async () => {
    const { info } = await newRun();
    const bytes = Buffer.alloc(3_000_000, 'abc é');
    const file = join(server.folder, 'weights.bin');
    writeFileSync(file, bytes);
    await uploadArtifact(mlflow, info, file, 'checkpoints/best é.bin');
    expect(await listArtifacts(mlflow, info.run_id)).toEqual([{ path: 'checkpoints', is_dir: true }]);
    expect(await listArtifacts(mlflow, info.run_id, 'checkpoints')).toEqual([
      { path: 'checkpoints/best é.bin', is_dir: false, file_size: 3_000_000 },
    ]);
    const stored = join(server.folder, 'artifacts', '0', info.run_id, 'artifacts', 'checkpoints', 'best é.bin');
    expect(readFileSync(stored).equals(bytes)).toBe(true);
  });

  test('of no bytes are uploaded too', async () => {
    const { info } = await newRun();
    const file = join(server.folder, 'empty.txt');
    writeFileSync(file, '');
    await uploadArtifact(mlflow, info, file, 'empty.txt');
    expect(await listArtifacts(mlflow, info.run_id)).toEqual([{ path: 'empty.txt', is_dir: false, file_size: 0 }]);
  });

  test('of a run whose store the server does not pass on are refused', async () => {
    const { info } = await newRun();
    const elsewhere = { ...info, artifact_uri: 's3://bucket/1' };
    await expect(uploadArtifact(mlflow, elsewhere, __filename, 'a')).rejects.toMatchObject({
      code: 'UNSUPPORTED_ARTIFACT_STORE',
    });
  });
});
