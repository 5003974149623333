import { fresh } from '../test/fresh';
import { connectToRealServer } from '../test/real-server';
import {
  createExperiment,
  deleteExperiment,
  deleteExperimentTag,
  eachExperiment,
  ensureExperiment,
  getExperiment,
  getExperimentByName,
  renameExperiment,
  restoreExperiment,
  searchExperiments,
  setExperimentTag,
} from './experiments';

const mlflow = connectToRealServer();

test('an experiment is created once and found by name and id', async () => {
  const name = fresh('headshare/face é');
  const id = await createExperiment(mlflow, name, { team: 'vision' }, { artifactLocation: 'mlflow-artifacts:/faces' });
  expect(await getExperiment(mlflow, id)).toMatchObject({
    name,
    lifecycle_stage: 'active',
    artifact_location: 'mlflow-artifacts:/faces',
    creation_time: expect.any(Number),
    tags: expect.arrayContaining([{ key: 'team', value: 'vision' }]),
  });
  expect(await getExperimentByName(mlflow, name)).toMatchObject({ experiment_id: id });
  expect(await getExperimentByName(mlflow, fresh('no such'))).toBeUndefined();
  await expect(createExperiment(mlflow, name)).rejects.toMatchObject({
    name: 'MlflowError',
    code: 'RESOURCE_ALREADY_EXISTS',
    kind: 'refused',
    status: 400,
  });
  await expect(getExperiment(mlflow, '999999')).rejects.toMatchObject({ code: 'RESOURCE_DOES_NOT_EXIST' });
});

test('an experiment is renamed, deleted and restored', async () => {
  const id = await createExperiment(mlflow, fresh('old'));
  const name = fresh('new');
  await renameExperiment(mlflow, id, name);
  await renameExperiment(mlflow, id, name);
  await deleteExperiment(mlflow, id);
  expect(await getExperiment(mlflow, id)).toMatchObject({ name, lifecycle_stage: 'deleted' });
  await restoreExperiment(mlflow, id);
  expect(await getExperiment(mlflow, id)).toMatchObject({ lifecycle_stage: 'active' });
  await expect(restoreExperiment(mlflow, '999999')).rejects.toMatchObject({ code: 'RESOURCE_DOES_NOT_EXIST' });
});

test('tags are set, replaced and deleted', async () => {
  const id = await createExperiment(mlflow, fresh('tagged'));
  await setExperimentTag(mlflow, id, 'team', 'vision');
  await setExperimentTag(mlflow, id, 'team', 'speech');
  expect((await getExperiment(mlflow, id)).tags).toContainEqual({ key: 'team', value: 'speech' });
  await deleteExperimentTag(mlflow, id, 'team');
  expect((await getExperiment(mlflow, id)).tags ?? []).not.toContainEqual(expect.objectContaining({ key: 'team' }));
});

test('experiments are searched by filter, order and view over several pages', async () => {
  const prefix = fresh('searched');
  const ids: string[] = [];
  for (const letter of ['b', 'a', 'c']) ids.push(await createExperiment(mlflow, `${prefix}-${letter}`));
  const search = { filter: `name LIKE '${prefix}%'`, orderBy: ['name ASC'] };
  const names = (found: { name: string }[]) => found.map(({ name }) => name.slice(prefix.length + 1));
  expect(names(await searchExperiments(mlflow, search))).toEqual(['a', 'b', 'c']);
  expect(names(await searchExperiments(mlflow, { ...search, limit: 2 }))).toEqual(['a', 'b']);
  // Pages of one experiment each.
  const all: string[] = [];
  for await (const { name } of eachExperiment(mlflow, { ...search, limit: 1 })) all.push(name);
  expect(all).toHaveLength(3);
  await deleteExperiment(mlflow, ids[0] ?? '');
  expect(names(await searchExperiments(mlflow, { ...search, view: 'DELETED_ONLY' }))).toEqual(['b']);
  expect(names(await searchExperiments(mlflow, { ...search, view: 'ALL' }))).toEqual(['a', 'b', 'c']);
});

describe('ensureExperiment', () => {
  test('creates one experiment for concurrent calls', async () => {
    const name = fresh('many at once');
    const ids = await Promise.all(Array.from({ length: 4 }, () => ensureExperiment(mlflow, name)));
    expect(new Set(ids).size).toBe(1);
  });

  test('restores a deleted experiment', async () => {
    const name = fresh('deleted');
    const id = await createExperiment(mlflow, name);
    await deleteExperiment(mlflow, id);
    expect(await ensureExperiment(mlflow, name)).toBe(id);
    expect((await getExperiment(mlflow, id)).lifecycle_stage).toBe('active');
  });
});
