import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Connection,
  createLoggedModel,
  finalizeLoggedModel,
  getRun,
  type LoggedModel,
  logBatch,
  logOutputs,
  type Run,
  searchLoggedModels,
  uploadArtifact,
} from 'mlflow-js-client';
import type { EventOf, LoggedNetwork } from '../journal/event';
import { mlmodel } from './mlmodel';
import { sendFile } from './send-files';

/** The tag by which a model of a run is found again that was begun before: its name and its content. */
const modelTag = 'headshare.model';

/**
 * Puts a network among MLflow's logged models, with its files, and says that the run made it. What was begun before goes
 * on: nothing is there twice, however often this is repeated.
 * @returns what was not sent, a sentence each
 */
export async function sendModel(
  server: Connection,
  { info: { run_id: runId, experiment_id: experimentId } }: Run,
  journal: string,
  { time, model: network }: EventOf<'model'>,
): Promise<readonly string[]> {
  const refused: string[] = [];
  let model = await findOrCreate(server, { experimentId, runId, tag: tagOf(network) }, network);
  const { model_id } = model.info;
  if (model.info.status !== 'LOGGED_MODEL_READY') {
    for (const file of network.files) refused.push(...(await sendFile(server, model.info, journal, file, '')));
    await uploadText(server, model, 'MLmodel', mlmodel(model, runId, network, time));
    const status = refused.length > 0 ? 'LOGGED_MODEL_UPLOAD_FAILED' : 'LOGGED_MODEL_READY';
    model = await finalizeLoggedModel(server, model_id, status);
  }
  const { outputs } = await getRun(server, runId);
  const step = Math.max(0, ...network.points.map((point) => point.step));
  if (!outputs.model_outputs.some((output) => output.model_id === model_id)) {
    await logOutputs(server, runId, [{ model_id, step }]);
  }
  const metrics = network.points.map(({ name: key, value, step, time: timestamp }) => ({
    key,
    // In a journal's JSON, NaN is a text.
    value: Number(value),
    step,
    timestamp,
    model_id,
  }));
  await logBatch(server, runId, { metrics });
  return refused;
}

async function findOrCreate(
  server: Connection,
  { experimentId, runId, tag }: { readonly experimentId: string; readonly runId: string; readonly tag: string },
  { name, kind, params }: LoggedNetwork,
): Promise<LoggedModel> {
  // Of a run that was deleted for good, models may be left: those are not this run's.
  const filter = `tags.\`${modelTag}\` = '${tag}' AND source_run_id = '${runId}'`;
  const [found] = await searchLoggedModels(server, { experimentIds: [experimentId], filter, limit: 1 });
  if (found) return found;
  return createLoggedModel(server, {
    experimentId,
    name,
    modelType: kind,
    sourceRunId: runId,
    params,
    tags: { [modelTag]: tag },
  });
}

function tagOf({ name, files }: LoggedNetwork): string {
  const content = createHash('sha256');
  for (const { sha256 } of files) content.update(sha256);
  return `${name} ${content.digest('hex').slice(0, 12)}`;
}

async function uploadText(server: Connection, { info }: LoggedModel, name: string, text: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'headshare-'));
  try {
    await writeFile(join(folder, name), text);
    await uploadArtifact(server, info, join(folder, name), name);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
