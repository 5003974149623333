import { get, getPages, pageSize, patch, post, remove, take } from './api';
import type { Connection } from './connection';
import { type KeyValue, keyValues } from './key-value';

export type ModelVersionStatus = 'PENDING_REGISTRATION' | 'FAILED_REGISTRATION' | 'READY';

/** MLflow has deprecated stages in favour of aliases and tags. */
export type Stage = 'None' | 'Staging' | 'Production' | 'Archived';

export interface ModelVersion {
  name: string;
  /** `1`, `2`, ... */
  version: string;
  /** Milliseconds since 1970. */
  creation_timestamp: number;
  last_updated_timestamp: number;
  user_id?: string;
  description: string;
  /** The place of its files: an artifact URI, or `models:/` with a logged model's id. */
  source: string;
  run_id?: string;
  run_link?: string;
  /** Its logged model. The SQL store does not keep this; the logged model's tag mlflow.modelVersions does. */
  model_id?: string;
  status: ModelVersionStatus;
  status_message?: string;
  current_stage: Stage;
  tags: KeyValue[];
  aliases: string[];
}

export interface SentModelVersion extends Omit<ModelVersion, 'version' | 'description' | 'tags' | 'aliases'> {
  version: string | number;
  description?: string;
  tags?: KeyValue[];
  aliases?: string[];
}

interface Answer {
  model_version: SentModelVersion;
}

export function readVersion(version: SentModelVersion): ModelVersion {
  return {
    ...version,
    version: String(version.version),
    description: version.description ?? '',
    tags: version.tags ?? [],
    aliases: version.aliases ?? [],
  };
}

export interface NewModelVersion {
  /** The registered model. */
  name: string;
  source: string;
  runId?: string;
  runLink?: string;
  /** Its logged model. */
  modelId?: string;
  description?: string;
  tags?: Record<string, string>;
}

/**
 * Adds a version. Throws INVALID_PARAMETER_VALUE if `source` is not among the artifacts of the given run or logged
 * model. Not repeated automatically after a lost answer, which could add a second version.
 */
export async function createModelVersion(connection: Connection, version: NewModelVersion): Promise<ModelVersion> {
  const json = {
    name: version.name,
    source: version.source,
    run_id: version.runId,
    run_link: version.runLink,
    model_id: version.modelId,
    description: version.description,
    tags: keyValues(version.tags ?? {}),
  };
  return readVersion((await post<Answer>(connection, 'model-versions/create', json, 'once')).model_version);
}

/** Throws RESOURCE_DOES_NOT_EXIST. */
export async function getModelVersion(connection: Connection, name: string, version: string): Promise<ModelVersion> {
  return readVersion((await get<Answer>(connection, 'model-versions/get', { name, version })).model_version);
}

/** Throws INVALID_PARAMETER_VALUE if the alias does not exist. */
export async function getModelVersionByAlias(
  connection: Connection,
  name: string,
  alias: string,
): Promise<ModelVersion> {
  return readVersion((await get<Answer>(connection, 'registered-models/alias', { name, alias })).model_version);
}

/** The newest version of each stage, or of the given ones. */
export async function getLatestVersions(
  connection: Connection,
  name: string,
  stages?: Stage[],
): Promise<ModelVersion[]> {
  const answer = await post<{ model_versions?: SentModelVersion[] }>(
    connection,
    'registered-models/get-latest-versions',
    { name, stages },
    'repeatable',
  );
  return (answer.model_versions ?? []).map(readVersion);
}

/** Changes the description. */
export async function updateModelVersion(
  connection: Connection,
  name: string,
  version: string,
  { description }: { description: string },
): Promise<ModelVersion> {
  const answer = await patch<Answer>(connection, 'model-versions/update', { name, version, description });
  return readVersion(answer.model_version);
}

/** Moves a version to a stage (deprecated by MLflow); `archiveExisting` archives the stage's other versions. */
export async function transitionModelVersionStage(
  connection: Connection,
  name: string,
  version: string,
  stage: Stage,
  { archiveExisting = false }: { archiveExisting?: boolean } = {},
): Promise<ModelVersion> {
  const json = { name, version, stage, archive_existing_versions: archiveExisting };
  const answer = await post<Answer>(connection, 'model-versions/transition-stage', json, 'repeatable');
  return readVersion(answer.model_version);
}

export async function deleteModelVersion(connection: Connection, name: string, version: string): Promise<void> {
  await remove(connection, 'model-versions/delete', { name, version });
}

/** The place of the version's files, for `artifactsAt`. */
export async function getModelVersionDownloadUri(
  connection: Connection,
  name: string,
  version: string,
): Promise<string> {
  const query = { name, version };
  return (await get<{ artifact_uri: string }>(connection, 'model-versions/get-download-uri', query)).artifact_uri;
}

export interface RegistrySearch {
  /** E.g. `name LIKE 'face-%' AND tags.team = 'vision'`. */
  filter?: string;
  /** E.g. `['last_updated_timestamp DESC']`. */
  orderBy?: string[];
  /** The maximal number of results over all pages. */
  limit?: number;
}

export function registryQuery({ filter, orderBy, limit }: RegistrySearch) {
  return { filter, order_by: orderBy, max_results: pageSize(limit, 1000) };
}

/** `filter` e.g. `name = 'face' AND run_id = '...'`. */
export function eachModelVersion(connection: Connection, search: RegistrySearch = {}): AsyncGenerator<ModelVersion> {
  type Page = { model_versions?: SentModelVersion[] };
  return getPages(connection, 'model-versions/search', registryQuery(search), ({ model_versions = [] }: Page) =>
    model_versions.map(readVersion),
  );
}

export function searchModelVersions(connection: Connection, search: RegistrySearch = {}): Promise<ModelVersion[]> {
  return take(eachModelVersion(connection, search), search.limit);
}

export async function setModelVersionTag(
  connection: Connection,
  name: string,
  version: string,
  key: string,
  value: string,
): Promise<void> {
  await post(connection, 'model-versions/set-tag', { name, version, key, value }, 'repeatable');
}

export async function deleteModelVersionTag(
  connection: Connection,
  name: string,
  version: string,
  key: string,
): Promise<void> {
  await remove(connection, 'model-versions/delete-tag', { name, version, key });
}
