import { get, pageSize, post, postPages, take } from './api';
import type { Connection } from './connection';
import type { ViewType } from './experiments';
import type { DatasetInput, ModelInput, ModelOutput } from './inputs';
import { type KeyValue, keyValues } from './key-value';
import { checkEntries, checkEntry } from './limits';
import { type Metric, readMetric, type SentMetric } from './metrics';

export type RunStatus = 'RUNNING' | 'SCHEDULED' | 'FINISHED' | 'FAILED' | 'KILLED';

export interface RunInfo {
  run_id: string;
  run_name: string;
  experiment_id: string;
  user_id?: string;
  status: RunStatus;
  /** Milliseconds since 1970. */
  start_time: number;
  end_time?: number;
  artifact_uri: string;
  lifecycle_stage: 'active' | 'deleted';
}

export interface Run {
  info: RunInfo;
  /** `metrics` holds the last value of each metric; `getMetricHistory` returns all values. */
  data: { metrics: Metric[]; params: KeyValue[]; tags: KeyValue[] };
  inputs: { dataset_inputs: DatasetInput[]; model_inputs: ModelInput[] };
  outputs: { model_outputs: ModelOutput[] };
}

/** The server's form: without empty lists, and with strings for NaN and infinities. */
interface SentRun {
  info: RunInfo;
  data?: { metrics?: SentMetric[]; params?: KeyValue[]; tags?: KeyValue[] };
  inputs?: Partial<Run['inputs']>;
  outputs?: { model_outputs?: { model_id: string; step?: number }[] };
}

function readRun({ info, data, inputs, outputs }: SentRun): Run {
  return {
    info,
    data: { metrics: (data?.metrics ?? []).map(readMetric), params: data?.params ?? [], tags: data?.tags ?? [] },
    inputs: { dataset_inputs: inputs?.dataset_inputs ?? [], model_inputs: inputs?.model_inputs ?? [] },
    outputs: {
      model_outputs: (outputs?.model_outputs ?? []).map(({ model_id, step }) => ({ model_id, step: step ?? 0 })),
    },
  };
}

export interface NewRun {
  experimentId: string;
  name: string;
  /** Milliseconds since 1970. */
  startTime: number;
  tags?: Record<string, string>;
  /** The run's user; chosen by the server by default. */
  userId?: string;
}

/**
 * Creates a run. Not repeated automatically after a lost answer, which could create a second run: give the run a tag
 * and look for it with `searchRuns` before trying again.
 */
export async function createRun(connection: Connection, run: NewRun): Promise<Run> {
  const tags = keyValues(run.tags ?? {});
  checkEntries('tag', tags);
  const json = {
    experiment_id: run.experimentId,
    run_name: run.name,
    start_time: run.startTime,
    user_id: run.userId,
    tags,
  };
  return readRun((await post<{ run: SentRun }>(connection, 'runs/create', json, 'once')).run);
}

/** Throws RESOURCE_DOES_NOT_EXIST. */
export async function getRun(connection: Connection, runId: string): Promise<Run> {
  return readRun((await get<{ run: SentRun }>(connection, 'runs/get', { run_id: runId })).run);
}

/** Changes the given fields. `endTime` is in milliseconds since 1970. */
export async function updateRun(
  connection: Connection,
  runId: string,
  change: { status?: RunStatus; endTime?: number; name?: string },
): Promise<RunInfo> {
  const json = { run_id: runId, status: change.status, end_time: change.endTime, run_name: change.name };
  return (await post<{ run_info: RunInfo }>(connection, 'runs/update', json, 'repeatable')).run_info;
}

/** Moves a run to MLflow's bin: `getRun` still finds it, searches only with `view`. */
export async function deleteRun(connection: Connection, runId: string): Promise<void> {
  await post(connection, 'runs/delete', { run_id: runId }, 'once');
}

export async function restoreRun(connection: Connection, runId: string): Promise<void> {
  await post(connection, 'runs/restore', { run_id: runId }, 'once');
}

export interface RunSearch {
  experimentIds: string[];
  /** MLflow's filter language, e.g. `tags.team = 'vision' and metrics.accuracy > 0.9`. */
  filter?: string;
  /** E.g. `['metrics.accuracy DESC']`. */
  orderBy?: string[];
  view?: ViewType;
  /** The maximal number of results over all pages. */
  limit?: number;
}

/** Yields the matching runs, by default the newest first, fetching pages as needed. */
export function eachRun(connection: Connection, search: RunSearch): AsyncGenerator<Run> {
  const json = {
    experiment_ids: search.experimentIds,
    filter: search.filter,
    order_by: search.orderBy,
    run_view_type: search.view,
    max_results: pageSize(search.limit, 1000),
  };
  return postPages(connection, 'runs/search', json, ({ runs = [] }: { runs?: SentRun[] }) => runs.map(readRun));
}

export function searchRuns(connection: Connection, search: RunSearch): Promise<Run[]> {
  return take(eachRun(connection, search), search.limit);
}

/** Sets or replaces one tag. */
export async function setTag(connection: Connection, runId: string, key: string, value: string): Promise<void> {
  checkEntry('tag', key, value);
  await post(connection, 'runs/set-tag', { run_id: runId, key, value }, 'repeatable');
}

/** Throws RESOURCE_DOES_NOT_EXIST if the tag does not exist. */
export async function deleteTag(connection: Connection, runId: string, key: string): Promise<void> {
  await post(connection, 'runs/delete-tag', { run_id: runId, key }, 'once');
}

/** Logs one param. Throws INVALID_PARAMETER_VALUE if it already has another value: params cannot be changed. */
export async function logParam(connection: Connection, runId: string, key: string, value: string): Promise<void> {
  checkEntry('param', key, value);
  await post(connection, 'runs/log-parameter', { run_id: runId, key, value }, 'repeatable');
}
