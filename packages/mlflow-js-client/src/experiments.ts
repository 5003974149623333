import { get, pageSize, post, postPages, take } from './api';
import type { Connection } from './connection';
import { MlflowError } from './error';
import { type KeyValue, keyValues } from './key-value';

export interface Experiment {
  experiment_id: string;
  name: string;
  artifact_location: string;
  lifecycle_stage: 'active' | 'deleted';
  /** Milliseconds since 1970. */
  creation_time?: number;
  last_update_time?: number;
  tags?: KeyValue[];
}

/** Whether a search finds active or deleted entities. */
export type ViewType = 'ACTIVE_ONLY' | 'DELETED_ONLY' | 'ALL';

export interface NewExperiment {
  /** The place of its runs' artifacts; chosen by the server by default. */
  artifactLocation?: string;
}

/** Creates an experiment, returns its id. Throws RESOURCE_ALREADY_EXISTS if an active or deleted one has the name. */
export async function createExperiment(
  connection: Connection,
  name: string,
  tags: Record<string, string> = {},
  { artifactLocation }: NewExperiment = {},
): Promise<string> {
  const json = { name, tags: keyValues(tags), artifact_location: artifactLocation };
  return (await post<{ experiment_id: string }>(connection, 'experiments/create', json, 'once')).experiment_id;
}

/** Also finds deleted experiments. Throws RESOURCE_DOES_NOT_EXIST. */
export async function getExperiment(connection: Connection, experimentId: string): Promise<Experiment> {
  const query = { experiment_id: experimentId };
  return (await get<{ experiment: Experiment }>(connection, 'experiments/get', query)).experiment;
}

/** The active or deleted experiment with this name, if any. */
export async function getExperimentByName(connection: Connection, name: string): Promise<Experiment | undefined> {
  try {
    const query = { experiment_name: name };
    return (await get<{ experiment: Experiment }>(connection, 'experiments/get-by-name', query)).experiment;
  } catch (error) {
    if (error instanceof MlflowError && error.code === 'RESOURCE_DOES_NOT_EXIST') return undefined;
    throw error;
  }
}

export interface ExperimentSearch {
  /** MLflow's filter language, e.g. `name LIKE 'face/%' AND tags.team = 'vision'`. */
  filter?: string;
  /** E.g. `['name ASC']`; by default the last changed come first. */
  orderBy?: string[];
  view?: ViewType;
  /** The maximal number of results over all pages. */
  limit?: number;
}

/** Yields the matching experiments, fetching pages as needed. */
export function eachExperiment(connection: Connection, search: ExperimentSearch = {}): AsyncGenerator<Experiment> {
  const json = {
    filter: search.filter,
    order_by: search.orderBy,
    view_type: search.view,
    max_results: pageSize(search.limit, 1000),
  };
  type Page = { experiments?: Experiment[] };
  return postPages(connection, 'experiments/search', json, ({ experiments = [] }: Page) => experiments);
}

export function searchExperiments(connection: Connection, search: ExperimentSearch = {}): Promise<Experiment[]> {
  return take(eachExperiment(connection, search), search.limit);
}

export async function renameExperiment(connection: Connection, experimentId: string, newName: string): Promise<void> {
  // MLflow accepts a repeated rename: the experiment already has the name.
  await post(connection, 'experiments/update', { experiment_id: experimentId, new_name: newName }, 'repeatable');
}

/** Moves an experiment and its runs to MLflow's bin; its name stays reserved. */
export async function deleteExperiment(connection: Connection, experimentId: string): Promise<void> {
  await post(connection, 'experiments/delete', { experiment_id: experimentId }, 'once');
}

/** Restores an experiment from MLflow's bin. */
export async function restoreExperiment(connection: Connection, experimentId: string): Promise<void> {
  await post(connection, 'experiments/restore', { experiment_id: experimentId }, 'once');
}

/** Sets or replaces one tag. */
export async function setExperimentTag(
  connection: Connection,
  experimentId: string,
  key: string,
  value: string,
): Promise<void> {
  await post(connection, 'experiments/set-experiment-tag', { experiment_id: experimentId, key, value }, 'repeatable');
}

/** Throws RESOURCE_DOES_NOT_EXIST if the tag does not exist. */
export async function deleteExperimentTag(connection: Connection, experimentId: string, key: string): Promise<void> {
  await post(connection, 'experiments/delete-experiment-tag', { experiment_id: experimentId, key }, 'once');
}

/**
 * Finds, restores or creates the experiment with this name and returns its id. (MLflow keeps the names of deleted
 * experiments reserved.) Only a new experiment gets the `tags`. Several processes may call this at once.
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
