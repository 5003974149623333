import { get, pageSize, patch, post, postPages, remove, take } from './api';
import type { Connection } from './connection';
import { type KeyValue, keyValues } from './key-value';
import { type Metric, readMetric, type SentMetric } from './metrics';

export type LoggedModelStatus = 'LOGGED_MODEL_PENDING' | 'LOGGED_MODEL_READY' | 'LOGGED_MODEL_UPLOAD_FAILED';

/** A logged model of MLflow 3: the output of a run, with metrics and artifacts. */
export interface LoggedModel {
  info: {
    model_id: string;
    experiment_id: string;
    name: string;
    model_type?: string;
    source_run_id?: string;
    status: LoggedModelStatus;
    status_message?: string;
    artifact_uri: string;
    creation_timestamp_ms: number;
    last_updated_timestamp_ms: number;
    tags: KeyValue[];
    /** Its versions in the registry. */
    registrations: { name: string; version: string }[];
  };
  data: { params: KeyValue[]; metrics: Metric[] };
}

interface SentLoggedModel {
  info: Omit<LoggedModel['info'], 'tags' | 'registrations'> & Partial<LoggedModel['info']>;
  data?: { params?: KeyValue[]; metrics?: SentMetric[] };
}

interface Answer {
  model: SentLoggedModel;
}

function readModel({ info, data }: SentLoggedModel): LoggedModel {
  return {
    info: { ...info, tags: info.tags ?? [], registrations: info.registrations ?? [] },
    data: { params: data?.params ?? [], metrics: (data?.metrics ?? []).map(readMetric) },
  };
}

const resource = (modelId: string, rest = ''): string => `logged-models/${encodeURIComponent(modelId)}${rest}`;

export interface NewLoggedModel {
  experimentId: string;
  /** By default the server invents one. */
  name?: string;
  /** Free text, e.g. `student`. */
  modelType?: string;
  sourceRunId?: string;
  params?: Record<string, string>;
  tags?: Record<string, string>;
}

/** Creates a model, pending until `finalizeLoggedModel`; `uploadArtifact(connection, model.info, ...)` adds files. */
export async function createLoggedModel(connection: Connection, model: NewLoggedModel): Promise<LoggedModel> {
  const json = {
    experiment_id: model.experimentId,
    name: model.name,
    model_type: model.modelType,
    source_run_id: model.sourceRunId,
    params: keyValues(model.params ?? {}),
    tags: keyValues(model.tags ?? {}),
  };
  return readModel((await post<Answer>(connection, 'logged-models', json, 'once')).model);
}

/** Ends the pending state once all files are stored, or have failed. */
export async function finalizeLoggedModel(
  connection: Connection,
  modelId: string,
  status: 'LOGGED_MODEL_READY' | 'LOGGED_MODEL_UPLOAD_FAILED',
): Promise<LoggedModel> {
  return readModel((await patch<Answer>(connection, resource(modelId), { model_id: modelId, status })).model);
}

/** Throws RESOURCE_DOES_NOT_EXIST, also for a deleted model. */
export async function getLoggedModel(connection: Connection, modelId: string): Promise<LoggedModel> {
  return readModel((await get<Answer>(connection, resource(modelId))).model);
}

export async function deleteLoggedModel(connection: Connection, modelId: string): Promise<void> {
  await remove(connection, resource(modelId));
}

/** Sets or replaces tags; other tags stay. */
export async function setLoggedModelTags(
  connection: Connection,
  modelId: string,
  tags: Record<string, string>,
): Promise<void> {
  await patch(connection, resource(modelId, '/tags'), { model_id: modelId, tags: keyValues(tags) });
}

/** Throws RESOURCE_DOES_NOT_EXIST if the tag does not exist. */
export async function deleteLoggedModelTag(connection: Connection, modelId: string, key: string): Promise<void> {
  await remove(connection, resource(modelId, `/tags/${encodeURIComponent(key)}`));
}

/** Adds params, 100 per request. Not repeated automatically: MLflow refuses a param that exists already. */
export async function logLoggedModelParams(
  connection: Connection,
  modelId: string,
  params: Record<string, string>,
): Promise<void> {
  const entries = keyValues(params);
  for (let start = 0; start < entries.length; start += 100) {
    const json = { model_id: modelId, params: entries.slice(start, start + 100) };
    await post(connection, resource(modelId, '/params'), json, 'once');
  }
}

export interface LoggedModelSearch {
  experimentIds: string[];
  /** E.g. `name = 'student' AND metrics.accuracy > 0.9 AND params.width = '32'`. */
  filter?: string;
  /** Restricts the metrics in `filter` to these datasets. */
  datasets?: { name: string; digest?: string }[];
  /** E.g. `{ field: 'metrics.accuracy', ascending: false }`. */
  orderBy?: { field: string; ascending?: boolean; datasetName?: string; datasetDigest?: string }[];
  /** The maximal number of results over all pages. */
  limit?: number;
}

export function eachLoggedModel(connection: Connection, search: LoggedModelSearch): AsyncGenerator<LoggedModel> {
  const json = {
    experiment_ids: search.experimentIds,
    filter: search.filter,
    datasets: search.datasets?.map(({ name, digest }) => ({ dataset_name: name, dataset_digest: digest })),
    order_by: search.orderBy?.map(({ field, ascending, datasetName, datasetDigest }) => ({
      field_name: field,
      ascending,
      dataset_name: datasetName,
      dataset_digest: datasetDigest,
    })),
    max_results: pageSize(search.limit, 100),
  };
  type Page = { models?: SentLoggedModel[] };
  return postPages(connection, 'logged-models/search', json, ({ models = [] }: Page) => models.map(readModel));
}

export function searchLoggedModels(connection: Connection, search: LoggedModelSearch): Promise<LoggedModel[]> {
  return take(eachLoggedModel(connection, search), search.limit);
}
