import { get, post } from './api';
import type { Connection } from './connection';
import { MlflowError } from './error';
import { type KeyValue, keyValues } from './key-value';
import { paged, pageSize, take } from './page';

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

/** Which of the deleted and the others a search finds. */
export type ViewType = 'ACTIVE_ONLY' | 'DELETED_ONLY' | 'ALL';

export interface NewExperiment {
  /** Where its runs' artifacts go; the server's own place by default. */
  artifactLocation?: string;
}

/** Creates an experiment and returns its id. Throws RESOURCE_ALREADY_EXISTS when the name is taken, also by a deleted one. */
export async function createExperiment(
  connection: Connection,
  name: string,
  tags: Record<string, string> = {},
  { artifactLocation }: NewExperiment = {},
): Promise<string> {
  const json = { name, tags: keyValues(tags), artifact_location: artifactLocation };
  return (await post<{ experiment_id: string }>(connection, 'experiments/create', json, 'once')).experiment_id;
}

/** Deleted ones too. Throws RESOURCE_DOES_NOT_EXIST. */
export async function getExperiment(connection: Connection, experimentId: string): Promise<Experiment> {
  const query = { experiment_id: experimentId };
  return (await get<{ experiment: Experiment }>(connection, 'experiments/get', query)).experiment;
}

/** The experiment of that name, deleted ones included, or undefined. */
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
  /** E.g. `['name ASC']`; the last changed come first by default. */
  orderBy?: string[];
  view?: ViewType;
  /** At most this many in all; further pages are fetched as needed. */
  limit?: number;
}

/** The experiments that match, page after page. */
export function eachExperiment(connection: Connection, search: ExperimentSearch = {}): AsyncGenerator<Experiment> {
  return paged(async (pageToken) => {
    const page = await post<{ experiments?: Experiment[]; next_page_token?: string }>(
      connection,
      'experiments/search',
      {
        filter: search.filter,
        order_by: search.orderBy,
        view_type: search.view,
        max_results: pageSize(search.limit, 1000),
        page_token: pageToken,
      },
      'repeatable',
    );
    return { items: page.experiments ?? [], next: page.next_page_token };
  });
}

export function searchExperiments(connection: Connection, search: ExperimentSearch = {}): Promise<Experiment[]> {
  return take(eachExperiment(connection, search), search.limit);
}

export async function renameExperiment(connection: Connection, experimentId: string, newName: string): Promise<void> {
  // Repeated, it gives the name that it has, which MLflow takes.
  await post(connection, 'experiments/update', { experiment_id: experimentId, new_name: newName }, 'repeatable');
}

/** Puts an experiment and its runs into MLflow's bin; its name stays taken. */
export async function deleteExperiment(connection: Connection, experimentId: string): Promise<void> {
  await post(connection, 'experiments/delete', { experiment_id: experimentId }, 'once');
}

/** Takes an experiment out of MLflow's bin. */
export async function restoreExperiment(connection: Connection, experimentId: string): Promise<void> {
  await post(connection, 'experiments/restore', { experiment_id: experimentId }, 'once');
}

/** Sets one tag; a tag of that name is replaced. */
export async function setExperimentTag(
  connection: Connection,
  experimentId: string,
  key: string,
  value: string,
): Promise<void> {
  await post(connection, 'experiments/set-experiment-tag', { experiment_id: experimentId, key, value }, 'repeatable');
}

/** Throws RESOURCE_DOES_NOT_EXIST when there is no such tag. */
export async function deleteExperimentTag(connection: Connection, experimentId: string, key: string): Promise<void> {
  await post(connection, 'experiments/delete-experiment-tag', { experiment_id: experimentId, key }, 'once');
}

/**
 * The id of the active experiment of that name: created when there is none, restored when someone deleted it (MLflow
 * keeps deleted names reserved, so that creating it anew would fail). `tags` are given to one that is created. Safe to
 * call from several processes at once.
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
