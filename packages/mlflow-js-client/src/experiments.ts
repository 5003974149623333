import { type Connection, sendForJson } from './connection';
import { MlflowError } from './error';
import { keyValues } from './runs';

export interface Experiment {
  experiment_id: string;
  name: string;
  artifact_location: string;
  lifecycle_stage: 'active' | 'deleted';
  tags?: { key: string; value: string }[];
}

/** Creates an experiment and returns its id. Throws RESOURCE_ALREADY_EXISTS when the name is taken. */
export async function createExperiment(
  connection: Connection,
  name: string,
  tags: Record<string, string> = {},
): Promise<string> {
  const answer = await sendForJson<{ experiment_id: string }>(connection, {
    method: 'POST',
    path: '/api/2.0/mlflow/experiments/create',
    json: { name, tags: keyValues(tags) },
  });
  return answer.experiment_id;
}

export async function getExperiment(connection: Connection, experimentId: string): Promise<Experiment> {
  const answer = await sendForJson<{ experiment: Experiment }>(connection, {
    method: 'GET',
    path: '/api/2.0/mlflow/experiments/get',
    query: { experiment_id: experimentId },
  });
  return answer.experiment;
}

/** The experiment of that name, deleted ones included, or undefined. */
export async function getExperimentByName(connection: Connection, name: string): Promise<Experiment | undefined> {
  try {
    const answer = await sendForJson<{ experiment: Experiment }>(connection, {
      method: 'GET',
      path: '/api/2.0/mlflow/experiments/get-by-name',
      query: { experiment_name: name },
    });
    return answer.experiment;
  } catch (error) {
    if (error instanceof MlflowError && error.code === 'RESOURCE_DOES_NOT_EXIST') return undefined;
    throw error;
  }
}

/** Takes an experiment out of MLflow's bin. */
export async function restoreExperiment(connection: Connection, experimentId: string): Promise<void> {
  await sendForJson(connection, {
    method: 'POST',
    path: '/api/2.0/mlflow/experiments/restore',
    json: { experiment_id: experimentId },
  });
}

/**
 * The id of the active experiment of that name: created when there is none, restored when someone deleted it (MLflow
 * keeps deleted names reserved, so that creating it anew would fail). `tags` are given to one that is created. Safe to call from several processes at once.
 */
export async function ensureExperiment(
  connection: Connection,
  name: string,
  tags?: Record<string, string>,
): Promise<string> {
  const found = await getExperimentByName(connection, name);
  if (found?.lifecycle_stage === 'deleted') await restoreExperiment(connection, found.experiment_id);
  if (found) return found.experiment_id;
  try {
    return await createExperiment(connection, name, tags);
  } catch (error) {
    const created = await getExperimentByName(connection, name);
    if (created) return created.experiment_id;
    throw error;
  }
}
