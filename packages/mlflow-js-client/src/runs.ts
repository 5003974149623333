import { type Connection, sendForJson } from './connection';

export type RunStatus = 'RUNNING' | 'SCHEDULED' | 'FINISHED' | 'FAILED' | 'KILLED';

export interface KeyValue {
  key: string;
  value: string;
}

export interface RunInfo {
  run_id: string;
  run_name: string;
  experiment_id: string;
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
  data: {
    metrics?: { key: string; value: number | string; timestamp: number; step: number }[];
    params?: KeyValue[];
    tags?: KeyValue[];
  };
}

export interface NewRun {
  experimentId: string;
  name: string;
  /** Milliseconds since 1970. */
  startTime: number;
  tags?: Record<string, string>;
}

/**
 * Creates a run. Not repeated by itself after a lost answer, since that could make a second run: give it a tag of
 * your own and look for that with `searchRuns` before trying again.
 */
export async function createRun(connection: Connection, run: NewRun): Promise<Run> {
  const answer = await sendForJson<{ run: Run }>(connection, {
    method: 'POST',
    path: '/api/2.0/mlflow/runs/create',
    json: {
      experiment_id: run.experimentId,
      run_name: run.name,
      start_time: run.startTime,
      tags: keyValues(run.tags ?? {}),
    },
  });
  return answer.run;
}

export async function getRun(connection: Connection, runId: string): Promise<Run> {
  const answer = await sendForJson<{ run: Run }>(connection, {
    method: 'GET',
    path: '/api/2.0/mlflow/runs/get',
    query: { run_id: runId },
  });
  return answer.run;
}

/** Sets what is given and leaves the rest. `endTime` in milliseconds since 1970. */
export async function updateRun(
  connection: Connection,
  runId: string,
  change: { status?: RunStatus; endTime?: number; name?: string },
): Promise<RunInfo> {
  const answer = await sendForJson<{ run_info: RunInfo }>(connection, {
    method: 'POST',
    path: '/api/2.0/mlflow/runs/update',
    json: { run_id: runId, status: change.status, end_time: change.endTime, run_name: change.name },
    repeatable: true,
  });
  return answer.run_info;
}

export interface RunSearch {
  experimentIds: string[];
  /** MLflow's filter language, e.g. `tags.team = 'vision' and metrics.accuracy > 0.9`. */
  filter?: string;
  orderBy?: string[];
  /** At most this many runs are returned in all; further pages are fetched as needed. */
  limit?: number;
}

/** The runs that match, page after page, newest first unless `orderBy` says otherwise. */
export async function searchRuns(connection: Connection, search: RunSearch): Promise<Run[]> {
  const limit = search.limit ?? Number.POSITIVE_INFINITY;
  const runs: Run[] = [];
  let pageToken: string | undefined;
  do {
    const page = await sendForJson<{ runs?: Run[]; next_page_token?: string }>(connection, {
      method: 'POST',
      path: '/api/2.0/mlflow/runs/search',
      json: {
        experiment_ids: search.experimentIds,
        filter: search.filter,
        order_by: search.orderBy,
        max_results: Math.min(limit - runs.length, 1000),
        page_token: pageToken,
      },
      repeatable: true,
    });
    runs.push(...(page.runs ?? []));
    pageToken = page.next_page_token;
  } while (pageToken && runs.length < limit);
  return runs;
}

/** Sets one tag; a tag of that name is replaced. */
export async function setTag(connection: Connection, runId: string, key: string, value: string): Promise<void> {
  await sendForJson(connection, {
    method: 'POST',
    path: '/api/2.0/mlflow/runs/set-tag',
    json: { run_id: runId, key, value },
    repeatable: true,
  });
}

/** `{ a: '1' }` as MLflow writes it: `[{ key: 'a', value: '1' }]`. */
export function keyValues(values: Record<string, string>): KeyValue[] {
  return Object.entries(values).map(([key, value]) => ({ key, value }));
}
