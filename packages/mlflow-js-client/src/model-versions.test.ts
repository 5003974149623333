import { fresh, newRun } from '../test/fresh';
import { connectToRealServer } from '../test/real-server';
import { fromKeyValues } from './key-value';
import { createLoggedModel, finalizeLoggedModel, getLoggedModel } from './logged-models';
import {
  createModelVersion,
  deleteModelVersion,
  deleteModelVersionTag,
  eachModelVersion,
  getLatestVersions,
  getModelVersion,
  getModelVersionDownloadUri,
  searchModelVersions,
  setModelVersionTag,
  transitionModelVersionStage,
  updateModelVersion,
} from './model-versions';
import { createRegisteredModel } from './registered-models';

const mlflow = connectToRealServer();

/** A new registered model with this many versions, all of one run. */
const registered = async (versions = 0): Promise<string> => {
  const { name } = await createRegisteredModel(mlflow, fresh('face'));
  const { run_id: runId, artifact_uri } = (await newRun(mlflow)).info;
  for (let i = 0; i < versions; i++) await createModelVersion(mlflow, { name, source: `${artifact_uri}/${i}`, runId });
  return name;
};

test("a version of a run's artifacts is created, described, read back and deleted", async () => {
  const name = await registered();
  const { run_id, artifact_uri } = (await newRun(mlflow)).info;
  const version = await createModelVersion(mlflow, {
    name,
    source: `${artifact_uri}/model`,
    runId: run_id,
    runLink: 'http://ci.example/1',
    description: 'a',
    tags: { team: 'vision' },
  });
  expect(version).toMatchObject({ version: '1', run_id, status: 'READY', description: 'a', current_stage: 'None' });
  await updateModelVersion(mlflow, name, '1', { description: 'b' });
  expect(await getModelVersion(mlflow, name, '1')).toMatchObject({
    description: 'b',
    run_link: 'http://ci.example/1',
    tags: [{ key: 'team', value: 'vision' }],
  });
  expect(await getModelVersionDownloadUri(mlflow, name, '1')).toBe(`${artifact_uri}/model`);
  await deleteModelVersion(mlflow, name, '1');
  await expect(getModelVersion(mlflow, name, '1')).rejects.toMatchObject({ code: 'RESOURCE_DOES_NOT_EXIST' });
});

test('a version of a logged model appears in its registrations', async () => {
  const name = await registered();
  const { model_id } = (await createLoggedModel(mlflow, { experimentId: '0', name: 'student' })).info;
  const model = await finalizeLoggedModel(mlflow, model_id, 'LOGGED_MODEL_READY');
  const source = model.info.artifact_uri;
  expect(await createModelVersion(mlflow, { name, source, modelId: model_id })).toMatchObject({ source });
  expect(await getModelVersionDownloadUri(mlflow, name, '1')).toBe(source);
  expect((await getLoggedModel(mlflow, model_id)).info.tags.map(({ key }) => key)).toContain('mlflow.modelVersions');
});

test('tags are set, replaced and deleted', async () => {
  const name = await registered(1);
  await setModelVersionTag(mlflow, name, '1', 'a', '1');
  await setModelVersionTag(mlflow, name, '1', 'a', '2');
  expect(fromKeyValues((await getModelVersion(mlflow, name, '1')).tags)).toEqual({ a: '2' });
  await deleteModelVersionTag(mlflow, name, '1', 'a');
  expect((await getModelVersion(mlflow, name, '1')).tags).toEqual([]);
});

test('the deprecated stages work', async () => {
  const name = await registered(3);
  await transitionModelVersionStage(mlflow, name, '1', 'Production');
  const moved = await transitionModelVersionStage(mlflow, name, '2', 'Production', { archiveExisting: true });
  expect(moved).toMatchObject({ version: '2', current_stage: 'Production' });
  expect((await getModelVersion(mlflow, name, '1')).current_stage).toBe('Archived');
  const latest = await getLatestVersions(mlflow, name);
  expect(new Set(latest.map(({ version }) => version))).toEqual(new Set(['1', '2', '3']));
  expect((await getLatestVersions(mlflow, name, ['Production'])).map(({ version }) => version)).toEqual(['2']);
});

test('versions are searched over several pages', async () => {
  const name = await registered(2);
  const search = { filter: `name = '${name}'`, orderBy: ['version_number ASC'] };
  expect((await searchModelVersions(mlflow, search)).map(({ version }) => version)).toEqual(['1', '2']);
  expect(await searchModelVersions(mlflow, { ...search, limit: 1 })).toHaveLength(1);
  const each: string[] = [];
  for await (const { version } of eachModelVersion(mlflow, { ...search, limit: 1 })) each.push(version);
  expect(each).toEqual(['1', '2']);
});
