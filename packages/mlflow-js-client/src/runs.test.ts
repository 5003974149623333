import { fresh, newRun } from '../test/fresh';
import { connectToRealServer } from '../test/real-server';
import { createExperiment } from './experiments';
import {
  createRun,
  deleteRun,
  deleteTag,
  eachRun,
  getRun,
  logParam,
  restoreRun,
  searchRuns,
  setTag,
  updateRun,
} from './runs';

const mlflow = connectToRealServer();

test('a run is created, changed and read back', async () => {
  const created = await createRun(mlflow, {
    experimentId: '0',
    name: 'first',
    startTime: 1_700_000_000_000,
    tags: { team: 'vision' },
    userId: 'ann',
  });
  expect(created).toMatchObject({
    info: { run_name: 'first', status: 'RUNNING', start_time: 1_700_000_000_000, user_id: 'ann' },
    data: { metrics: [], params: [], tags: expect.arrayContaining([{ key: 'team', value: 'vision' }]) },
    inputs: { dataset_inputs: [], model_inputs: [] },
    outputs: { model_outputs: [] },
  });
  const { run_id } = created.info;
  await updateRun(mlflow, run_id, { status: 'FINISHED', endTime: 1_700_000_001_000, name: 'renamed' });
  expect((await getRun(mlflow, run_id)).info).toMatchObject({
    run_name: 'renamed',
    status: 'FINISHED',
    end_time: 1_700_000_001_000,
  });
  await expect(getRun(mlflow, 'none')).rejects.toMatchObject({ code: 'RESOURCE_DOES_NOT_EXIST', status: 404 });
});

test('tags are set, replaced and deleted', async () => {
  const { run_id } = (await newRun(mlflow)).info;
  await setTag(mlflow, run_id, 'note', 'a');
  await setTag(mlflow, run_id, 'note', 'é'.repeat(8000));
  expect((await getRun(mlflow, run_id)).data.tags).toContainEqual({ key: 'note', value: 'é'.repeat(8000) });
  await deleteTag(mlflow, run_id, 'note');
  expect((await getRun(mlflow, run_id)).data.tags).not.toContainEqual(expect.objectContaining({ key: 'note' }));
  await expect(deleteTag(mlflow, run_id, 'note')).rejects.toMatchObject({ code: 'RESOURCE_DOES_NOT_EXIST' });
  await expect(setTag(mlflow, run_id, 'note', 'é'.repeat(8001))).rejects.toMatchObject({
    message: 'tag "note" has 8001 characters; MLflow allows 8000',
    kind: 'not-sent',
  });
});

test('a param accepts the same value again and refuses another', async () => {
  const { run_id } = (await newRun(mlflow)).info;
  await logParam(mlflow, run_id, 'epochs', '3');
  await logParam(mlflow, run_id, 'epochs', '3');
  await expect(logParam(mlflow, run_id, 'epochs', '4')).rejects.toMatchObject({ code: 'INVALID_PARAMETER_VALUE' });
  expect((await getRun(mlflow, run_id)).data.params).toEqual([{ key: 'epochs', value: '3' }]);
});

test('a deleted run is found only on request, and can be restored', async () => {
  const id = await createExperiment(mlflow, fresh('bin'));
  const { run_id } = (await newRun(mlflow, id)).info;
  await deleteRun(mlflow, run_id);
  expect((await getRun(mlflow, run_id)).info.lifecycle_stage).toBe('deleted');
  expect(await searchRuns(mlflow, { experimentIds: [id] })).toEqual([]);
  expect(await searchRuns(mlflow, { experimentIds: [id], view: 'DELETED_ONLY' })).toHaveLength(1);
  await restoreRun(mlflow, run_id);
  expect(await searchRuns(mlflow, { experimentIds: [id] })).toHaveLength(1);
});

test('runs are searched by tag and order, up to a limit, over several pages', async () => {
  const id = await createExperiment(mlflow, fresh('searched'));
  for (const [name, colour] of [
    ['b', 'red'],
    ['x', 'blue'],
    ['a', 'red'],
  ] as const) {
    await createRun(mlflow, { experimentId: id, name, startTime: 1, tags: { colour } });
  }
  const search = { experimentIds: [id], filter: "tags.colour = 'red'", orderBy: ['attributes.run_name ASC'] };
  expect((await searchRuns(mlflow, search)).map((run) => run.info.run_name)).toEqual(['a', 'b']);
  expect((await searchRuns(mlflow, { ...search, limit: 1 })).map((run) => run.info.run_name)).toEqual(['a']);
  expect(await searchRuns(mlflow, { ...search, limit: 0 })).toEqual([]);
  const names: string[] = [];
  for await (const run of eachRun(mlflow, { ...search, limit: 1 })) names.push(run.info.run_name);
  expect(names).toEqual(['a', 'b']);
  await expect(searchRuns(mlflow, { experimentIds: [id], filter: 'nonsense' })).rejects.toMatchObject({
    code: 'INVALID_PARAMETER_VALUE',
  });
});
