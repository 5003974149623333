import { createHash } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type ArtifactOwner,
  type Connection,
  createLoggedModel,
  finalizeLoggedModel,
  getRun,
  getVersion,
  type LoggedModel,
  logBatch,
  logInputs,
  logOutputs,
  type Run,
  searchLoggedModels,
  uploadArtifact,
} from 'mlflow-js-client';
import { makeProcessFolder } from '../../system/process-folder';
import type { DatasetInput, EventOf, LoggedNetwork } from '../journal/event';
import { modelTexts, schemaJson } from './model-texts';
import { sendFile } from './send-files';
import { isUnknownEndpoint } from './server-run';

/** Logs a dataset as an input of a run. MLflow stores it once, however often it is sent. */
export async function sendDataset(server: Connection, runId: string, dataset: DatasetInput): Promise<void> {
  const { name, digest, context, source, features, targets, profile } = dataset;
  // The formats of MLflow's LocalArtifactDatasetSource, CodeDatasetSource and TensorDatasetSchema.
  const [source_type, origin] =
    'path' in source
      ? (['local', { uri: source.path }] as const)
      : (['code', { tags: { 'mlflow.source.name': source.drawnBy, 'mlflow.source.type': 'LOCAL' } }] as const);
  const tensors = { features: schemaJson(features), targets: targets ? schemaJson(targets) : null };
  const input = {
    name,
    digest,
    context,
    source_type,
    source: JSON.stringify(origin),
    schema: JSON.stringify({ mlflow_tensorspec: tensors }),
    profile: JSON.stringify(profile),
  };
  await logInputs(server, runId, { datasets: [input] });
}

/** The tag that identifies a run's model by name and content, to find it again after an interruption. */
const modelTag = 'headshare.model';

/**
 * Logs a network as a model with its files, and as an output of the run; on a server of MLflow 2, which has no such
 * models, as files of the run. Repeating it continues after an interruption and creates nothing twice.
 * @returns a sentence for each file that was not sent, and one if the server has no models
 */
export async function sendModel(
  server: Connection,
  run: Run,
  journal: string,
  event: EventOf<'model'>,
): Promise<readonly string[]> {
  const { run_id: runId, experiment_id: experimentId } = run.info;
  const { time, model: network } = event;
  const refused: string[] = [];
  let model: LoggedModel;
  try {
    model = await findOrCreate(server, experimentId, runId, network);
  } catch (error) {
    if (!isUnknownEndpoint(error)) throw error;
    return sendAsFiles(server, run, journal, event);
  }
  const { model_id } = model.info;
  if (model.info.status !== 'LOGGED_MODEL_READY') {
    for (const file of network.files) refused.push(...(await sendFile(server, model.info, journal, file, '')));
    const { artifact_uri: artifact_path } = model.info;
    const ids = { model_id, model_uuid: model_id };
    const texts = modelTexts({ artifact_path, ...ids, run_id: runId }, network, time);
    for (const [name, text] of texts) await uploadText(server, model.info, name, text);
    const status = refused.length > 0 ? 'LOGGED_MODEL_UPLOAD_FAILED' : 'LOGGED_MODEL_READY';
    await finalizeLoggedModel(server, model_id, status);
  }
  const { outputs } = await getRun(server, runId);
  const step = Math.max(0, ...network.points.map((point) => point.step));
  if (!outputs.model_outputs.some((output) => output.model_id === model_id)) {
    await logOutputs(server, runId, [{ model_id, step }]);
  }
  const metrics = network.points.map(({ name: key, value, step, time: timestamp }) => ({
    key,
    // A journal spells NaN as text.
    value: Number(value),
    step,
    timestamp,
    model_id,
  }));
  await logBatch(server, runId, { metrics });
  return refused;
}

/** Logs a network's files among the artifacts of its run, which has its metrics anyway. @returns as `sendModel` */
async function sendAsFiles(
  server: Connection,
  { info }: Run,
  journal: string,
  { time, model: network }: EventOf<'model'>,
): Promise<readonly string[]> {
  const folder = `models/${network.name}`;
  const refused: string[] = [];
  for (const file of network.files) refused.push(...(await sendFile(server, info, journal, file, folder)));
  const texts = modelTexts({ artifact_path: folder, run_id: info.run_id }, network, time);
  for (const [name, text] of texts) await uploadText(server, info, `${folder}/${name}`, text);
  const version = await getVersion(server).catch(() => undefined);
  const reason = version === undefined ? 'the server does not know models' : `the server has MLflow ${version}`;
  const advice = `models need MLflow 3; its files are among the run's artifacts, in ${folder}`;
  return [...refused, `the model ${network.name}: ${reason}, and ${advice}`];
}

async function findOrCreate(
  server: Connection,
  experimentId: string,
  runId: string,
  { name, kind, params, files }: LoggedNetwork,
): Promise<LoggedModel> {
  const content = createHash('sha256');
  for (const { sha256 } of files) content.update(sha256);
  const tag = `${name} ${content.digest('hex').slice(0, 12)}`;
  // By run as well: a run that was deleted for good may have left models.
  const filter = `tags.\`${modelTag}\` = '${tag}' AND source_run_id = '${runId}'`;
  const [found] = await searchLoggedModels(server, { experimentIds: [experimentId], filter, limit: 1 });
  if (found) return found;
  const tags = { [modelTag]: tag };
  return createLoggedModel(server, { experimentId, name, modelType: kind, sourceRunId: runId, params, tags });
}

/** @param to the path among the owner's artifacts */
async function uploadText(server: Connection, owner: ArtifactOwner, to: string, text: string): Promise<void> {
  const folder = makeProcessFolder('headshare-text-');
  try {
    const file = join(folder, 'text');
    await writeFile(file, text);
    await uploadArtifact(server, owner, file, to);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
