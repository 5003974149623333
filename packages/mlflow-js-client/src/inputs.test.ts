import { fresh, newRun } from '../test/fresh';
import { connectToRealServer } from '../test/real-server';
import { logInputs, logOutputs } from './inputs';
import { createLoggedModel } from './logged-models';
import { getRun } from './runs';

const mlflow = connectToRealServer();

test('datasets and models that a run reads are stored once, also when logged twice', async () => {
  const { run_id } = (await newRun(mlflow)).info;
  const { model_id } = (await createLoggedModel(mlflow, { experimentId: '0', name: 'teacher' })).info;
  const dataset = {
    name: 'ms1mv3',
    digest: 'a1b2c3',
    source_type: 'local',
    source: '{"uri":"train.rec"}',
    schema: '{"mlflow_colspec":[]}',
    profile: '{"num_rows":5179510}',
  };
  const inputs = { datasets: [{ ...dataset, context: 'training', tags: { split: 'all' } }], modelIds: [model_id] };
  await logInputs(mlflow, run_id, inputs);
  await logInputs(mlflow, run_id, inputs);
  const run = await getRun(mlflow, run_id);
  expect(run.inputs.model_inputs).toEqual([{ model_id }]);
  expect(run.inputs.dataset_inputs).toHaveLength(1);
  expect(run.inputs.dataset_inputs[0]?.dataset).toEqual(dataset);
  expect(run.inputs.dataset_inputs[0]?.tags).toEqual(
    expect.arrayContaining([
      { key: 'mlflow.data.context', value: 'training' },
      { key: 'split', value: 'all' },
    ]),
  );
});

test('more datasets than fit into one request arrive', async () => {
  const { run_id } = (await newRun(mlflow)).info;
  const name = fresh('part');
  const datasets = Array.from({ length: 1001 }, (_, i) => ({
    name: `${name}-${i}`,
    digest: 'd',
    source_type: 'local',
    source: '{}',
  }));
  await logInputs(mlflow, run_id, { datasets });
  expect((await getRun(mlflow, run_id)).inputs.dataset_inputs).toHaveLength(1001);
});

test('models that a run wrote can be logged once', async () => {
  const { run_id } = (await newRun(mlflow)).info;
  const { model_id } = (await createLoggedModel(mlflow, { experimentId: '0', sourceRunId: run_id })).info;
  await logOutputs(mlflow, run_id, [{ model_id, step: 0 }]);
  await expect(logOutputs(mlflow, run_id, [{ model_id, step: 0 }])).rejects.toMatchObject({ kind: 'refused' });
  await logOutputs(mlflow, run_id, []);
  expect((await getRun(mlflow, run_id)).outputs.model_outputs).toEqual([{ model_id, step: 0 }]);
});

test('an invalid dataset is refused before it is sent', async () => {
  const dataset = { name: 'cub', digest: 'd'.repeat(37), source_type: 'local', source: '' };
  await expect(logInputs(mlflow, 'none', { datasets: [dataset] })).rejects.toThrow(
    'the digest of dataset "cub" has 37 characters; MLflow allows 36',
  );
});
