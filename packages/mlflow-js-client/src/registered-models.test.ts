import { fresh, newRun } from '../test/fresh';
import { connectToRealServer } from '../test/real-server';
import { fromKeyValues } from './key-value';
import { createModelVersion, getModelVersionByAlias } from './model-versions';
import {
  createRegisteredModel,
  deleteAlias,
  deleteRegisteredModel,
  deleteRegisteredModelTag,
  eachRegisteredModel,
  getRegisteredModel,
  renameRegisteredModel,
  searchRegisteredModels,
  setAlias,
  setRegisteredModelTag,
  updateRegisteredModel,
} from './registered-models';

const mlflow = connectToRealServer();

test('a name is registered once, described, renamed and deleted', async () => {
  const name = fresh('face');
  expect(await createRegisteredModel(mlflow, name, { description: 'a', tags: { team: 'vision' } })).toMatchObject({
    name,
    description: 'a',
    tags: [{ key: 'team', value: 'vision' }],
    aliases: [],
    latest_versions: [],
  });
  await expect(createRegisteredModel(mlflow, name)).rejects.toMatchObject({ code: 'RESOURCE_ALREADY_EXISTS' });
  expect(await updateRegisteredModel(mlflow, name, { description: 'b' })).toMatchObject({ description: 'b' });
  const renamed = fresh('faces');
  expect((await renameRegisteredModel(mlflow, name, renamed)).name).toBe(renamed);
  expect((await getRegisteredModel(mlflow, renamed)).description).toBe('b');
  await deleteRegisteredModel(mlflow, renamed);
  await expect(getRegisteredModel(mlflow, renamed)).rejects.toMatchObject({ code: 'RESOURCE_DOES_NOT_EXIST' });
});

test('tags are set, replaced and deleted', async () => {
  const name = fresh('tagged');
  await createRegisteredModel(mlflow, name);
  await setRegisteredModelTag(mlflow, name, 'a', '1');
  await setRegisteredModelTag(mlflow, name, 'a', '2');
  expect(fromKeyValues((await getRegisteredModel(mlflow, name)).tags)).toEqual({ a: '2' });
  await deleteRegisteredModelTag(mlflow, name, 'a');
  expect((await getRegisteredModel(mlflow, name)).tags).toEqual([]);
});

test('an alias is set, moved and deleted', async () => {
  const name = fresh('aliased');
  await createRegisteredModel(mlflow, name);
  const { run_id: runId, artifact_uri } = (await newRun(mlflow)).info;
  for (const part of ['a', 'b']) await createModelVersion(mlflow, { name, source: `${artifact_uri}/${part}`, runId });
  await setAlias(mlflow, name, 'champion', '1');
  await setAlias(mlflow, name, 'champion', '2');
  expect(await getModelVersionByAlias(mlflow, name, 'champion')).toMatchObject({
    version: '2',
    source: `${artifact_uri}/b`,
    aliases: ['champion'],
  });
  expect((await getRegisteredModel(mlflow, name)).aliases).toEqual([{ alias: 'champion', version: '2' }]);
  await deleteAlias(mlflow, name, 'champion');
  await expect(getModelVersionByAlias(mlflow, name, 'champion')).rejects.toMatchObject({
    code: 'INVALID_PARAMETER_VALUE',
  });
});

test('registered models are searched over several pages', async () => {
  const prefix = fresh('searched');
  for (const letter of ['b', 'a']) await createRegisteredModel(mlflow, `${prefix}-${letter}`);
  const search = { filter: `name LIKE '${prefix}%'`, orderBy: ['name ASC'] };
  const names = (models: { name: string }[]) => models.map(({ name }) => name.slice(prefix.length + 1));
  expect(names(await searchRegisteredModels(mlflow, search))).toEqual(['a', 'b']);
  expect(names(await searchRegisteredModels(mlflow, { ...search, limit: 1 }))).toEqual(['a']);
  const each: string[] = [];
  for await (const { name } of eachRegisteredModel(mlflow, { ...search, limit: 1 })) each.push(name);
  expect(each).toHaveLength(2);
});
