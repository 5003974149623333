import { get, post } from './api';
import type { Connection } from './connection';
import type { ViewType } from './experiments';
import type { DatasetInput, ModelInput, ModelOutput } from './inputs';
import { type KeyValue, keyValues } from './key-value';
import { checkEntries, checkEntry } from './limits';
import { type Metric, readMetric, type SentMetric } from './metrics';
import { paged, pageSize, take } from './page';

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
  /** `metrics` holds each metric's last value only; `getMetricHistory` has them all. */
  data: { metrics: Metric[]; params: KeyValue[]; tags: KeyValue[] };
  inputs: { dataset_inputs: DatasetInput[]; model_inputs: ModelInput[] };
  outputs: { model_outputs: ModelOutput[] };
}

/** As the server sends it: empty lists are left out, numbers that JSON has not are strings. */
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
  /** Who made it; the server's default otherwise. */
  userId?: string;
}

/**
 * Creates a run. Not repeated by itself after a lost answer, since that could make a second run: give it a tag of
 * your own and look for that with `searchRuns` before trying again.
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

/** Sets what is given and leaves the rest. `endTime` in milliseconds since 1970. */
export async function updateRun(
  connection: Connection,
  runId: string,
  change: { status?: RunStatus; endTime?: number; name?: string },
): Promise<RunInfo> {
  const json = { run_id: runId, status: change.status, end_time: change.endTime, run_name: change.name };
  return (await post<{ run_info: RunInfo }>(connection, 'runs/update', json, 'repeatable')).run_info;
}

/** Puts a run into MLflow's bin: `getRun` still finds it, searches only with `view`. */
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
  /** At most this many runs are returned in all; further pages are fetched as needed. */
  limit?: number;
}

/** The runs that match, page after page, newest first unless `orderBy` says otherwise. */
export function eachRun(connection: Connection, search: RunSearch): AsyncGenerator<Run> {
  return paged(async (pageToken) => {
    const page = await post<{ runs?: SentRun[]; next_page_token?: string }>(
      connection,
      'runs/search',
      {
        experiment_ids: search.experimentIds,
        filter: search.filter,
        order_by: search.orderBy,
        run_view_type: search.view,
        max_results: pageSize(search.limit, 1000),
        page_token: pageToken,
      },
      'repeatable',
    );
    return { items: (page.runs ?? []).map(readRun), next: page.next_page_token };
  });
}

export function searchRuns(connection: Connection, search: RunSearch): Promise<Run[]> {
  return take(eachRun(connection, search), search.limit);
}

/** Sets one tag; a tag of that name is replaced. */
export async function setTag(connection: Connection, runId: string, key: string, value: string): Promise<void> {
  checkEntry('tag', key, value);
  await post(connection, 'runs/set-tag', { run_id: runId, key, value }, 'repeatable');
}

/** Throws RESOURCE_DOES_NOT_EXIST when there is no such tag. */
export async function deleteTag(connection: Connection, runId: string, key: string): Promise<void> {
  await post(connection, 'runs/delete-tag', { run_id: runId, key }, 'once');
}

/**
 * Logs one param. One that has that value already is left; another value is refused (INVALID_PARAMETER_VALUE): params
 * cannot be changed.
 */
export async function logParam(connection: Connection, runId: string, key: string, value: string): Promise<void> {
  checkEntry('param', key, value);
  await post(connection, 'runs/log-parameter', { run_id: runId, key, value }, 'repeatable');
}
