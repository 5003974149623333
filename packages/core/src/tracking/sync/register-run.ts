import { join } from 'node:path';
import {
  type Connection,
  createModelVersion,
  createRegisteredModel,
  getRun,
  MlflowError,
  searchLoggedModels,
  searchModelVersions,
} from 'mlflow-js-client';
import { UserError } from '../../system/user-error';
import { destinationOf, problemOf } from './destination';
import { runIdIn } from './sync-state';

/**
 * Registers the model that a run logged. A run that is registered under the name already stays the version that it is.
 * @returns a line that says name, version and address
 * @param row the run's name for people
 * @throws UserError for a run that MLflow lacks or that logged no model, or where the server does not answer
 */
export async function registerRun(
  { row, folder }: { readonly row: string; readonly folder: string },
  name: string,
  signal: AbortSignal,
): Promise<string> {
  const runId = runIdIn(join(folder, 'journal.jsonl'));
  if (runId === undefined) throw refused(name, `${row} is not in MLflow: run npx nx run tools:sync first`);
  let server: Connection;
  try {
    server = await destinationOf().connect(signal);
  } catch (error) {
    throw refused(name, problemOf(error));
  }
  try {
    const { info } = await getRun(server, runId);
    const models = await searchLoggedModels(server, {
      experimentIds: [info.experiment_id],
      filter: `source_run_id = '${runId}'`,
    });
    const model = models.find((one) => one.info.name === 'student') ?? models[0];
    if (!model) throw refused(name, `the run of ${row} (${runId}) logged no model`);
    const modelId = model.info.model_id;
    const known = await searchModelVersions(server, { filter: `name = '${name.replaceAll("'", "\\'")}'` });
    const version =
      known.find((one) => one.model_id === modelId || one.run_id === runId) ??
      (await newVersion(server, { name, modelId, runId, source: `models:/${modelId}` }));
    const place = `${server.uri}/#/models/${encodeURIComponent(name)}/versions/${version.version}`;
    return `${row} is version ${version.version} of ${name} (models:/${name}/${version.version}): ${place}`;
  } catch (error) {
    if (error instanceof MlflowError) throw refused(name, problemOf(error));
    throw error;
  }
}

const refused = (name: string, why: string): UserError => new UserError(`--register=${name}: ${why}`, 1);

async function newVersion(server: Connection, version: Parameters<typeof createModelVersion>[1]) {
  try {
    await createRegisteredModel(server, version.name);
  } catch (error) {
    if (!(error instanceof MlflowError && error.code === 'RESOURCE_ALREADY_EXISTS')) throw error;
  }
  return createModelVersion(server, version);
}
