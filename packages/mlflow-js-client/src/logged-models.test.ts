import { fresh, newRun } from '../test/fresh';
import { connectToRealServer } from '../test/real-server';
import { createExperiment } from './experiments';
import { fromKeyValues } from './key-value';
import {
  createLoggedModel,
  deleteLoggedModel,
  deleteLoggedModelTag,
  eachLoggedModel,
  finalizeLoggedModel,
  getLoggedModel,
  logLoggedModelParams,
  searchLoggedModels,
  setLoggedModelTags,
} from './logged-models';
import { logMetric } from './metrics';

const mlflow = connectToRealServer();

test('a model is created, finalized, evaluated and read back', async () => {
  const { run_id } = (await newRun(mlflow)).info;
  const created = await createLoggedModel(mlflow, {
    experimentId: '0',
    name: 'student',
    modelType: 'mobilefacenet',
    sourceRunId: run_id,
    params: { width: '32' },
    tags: { team: 'vision' },
  });
  const { model_id } = created.info;
  expect(created.info).toMatchObject({ name: 'student', status: 'LOGGED_MODEL_PENDING', source_run_id: run_id });
  expect((await finalizeLoggedModel(mlflow, model_id, 'LOGGED_MODEL_READY')).info.status).toBe('LOGGED_MODEL_READY');
  await logMetric(mlflow, run_id, { key: 'accuracy', value: 0.5, timestamp: 1, step: 3, model_id });
  const model = await getLoggedModel(mlflow, model_id);
  expect(model.info).toMatchObject({ model_type: 'mobilefacenet', artifact_uri: expect.stringContaining(model_id) });
  expect(model.data.params).toEqual([{ key: 'width', value: '32' }]);
  expect(model.data.metrics).toEqual([expect.objectContaining({ key: 'accuracy', value: 0.5, step: 3 })]);
});

test('params can be added once', async () => {
  const { model_id } = (await createLoggedModel(mlflow, { experimentId: '0' })).info;
  const params = Object.fromEntries(Array.from({ length: 150 }, (_, i) => [`p${i}`, String(i)]));
  await logLoggedModelParams(mlflow, model_id, params);
  expect(fromKeyValues((await getLoggedModel(mlflow, model_id)).data.params)).toEqual(params);
});

test('tags are set, replaced and deleted', async () => {
  const { model_id } = (await createLoggedModel(mlflow, { experimentId: '0', tags: { a: '1' } })).info;
  await setLoggedModelTags(mlflow, model_id, { a: '2', 'b/c d': '3' });
  expect(fromKeyValues((await getLoggedModel(mlflow, model_id)).info.tags)).toEqual({ a: '2', 'b/c d': '3' });
  await deleteLoggedModelTag(mlflow, model_id, 'a');
  expect(fromKeyValues((await getLoggedModel(mlflow, model_id)).info.tags)).toEqual({ 'b/c d': '3' });
});

test('models are searched, ordered by a metric, over several pages', async () => {
  const id = await createExperiment(mlflow, fresh('models'));
  const { run_id } = (await newRun(mlflow, id)).info;
  for (const [name, value] of [
    ['small', 0.2],
    ['large', 0.9],
  ] as const) {
    const { model_id } = (await createLoggedModel(mlflow, { experimentId: id, name, sourceRunId: run_id })).info;
    await logMetric(mlflow, run_id, {
      key: 'accuracy',
      value,
      timestamp: 1,
      step: 0,
      model_id,
      dataset_name: 'lfw',
      dataset_digest: 'd1',
    });
  }
  const names = (models: { info: { name: string } }[]) => models.map(({ info }) => info.name);
  const orderBy = [{ field: 'metrics.accuracy', ascending: false }];
  expect(names(await searchLoggedModels(mlflow, { experimentIds: [id], orderBy }))).toEqual(['large', 'small']);
  expect(names(await searchLoggedModels(mlflow, { experimentIds: [id], orderBy, limit: 1 }))).toEqual(['large']);
  const each: string[] = [];
  for await (const { info } of eachLoggedModel(mlflow, { experimentIds: [id], orderBy, limit: 1 }))
    each.push(info.name);
  expect(each).toEqual(['large', 'small']);
  const filter = 'metrics.accuracy > 0.5';
  const datasets = [{ name: 'lfw', digest: 'd1' }];
  expect(names(await searchLoggedModels(mlflow, { experimentIds: [id], filter, datasets }))).toEqual(['large']);
});

test('a deleted model is gone', async () => {
  const { model_id } = (await createLoggedModel(mlflow, { experimentId: '0' })).info;
  await deleteLoggedModel(mlflow, model_id);
  await expect(getLoggedModel(mlflow, model_id)).rejects.toMatchObject({ code: 'RESOURCE_DOES_NOT_EXIST' });
});
