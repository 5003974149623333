import { get, patch, post, remove } from './api';
import type { Connection } from './connection';
import { type KeyValue, keyValues } from './key-value';
import { paged, pageSize, take } from './page';
import type { RegistrySearch } from './registered-models';

export type ModelVersionStatus = 'PENDING_REGISTRATION' | 'FAILED_REGISTRATION' | 'READY';

/** MLflow has deprecated stages; aliases and tags take their place. */
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
  /** Where its files are: an artifact URI, or `models:/` with a logged model's id. */
  source: string;
  run_id?: string;
  run_link?: string;
  /** The logged model that it was made of. The SQL store does not keep it; that model's tag mlflow.modelVersions does. */
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
  /** The logged model that it is made of. */
  modelId?: string;
  description?: string;
  tags?: Record<string, string>;
}

/**
 * Adds a version. `source` must be among the artifacts of the run or logged model that is named with it, otherwise
 * INVALID_PARAMETER_VALUE is thrown.
 * Not repeated by itself after a lost answer: it would make a second version.
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

/** Throws INVALID_PARAMETER_VALUE when there is no such alias. */
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

/** Moves a version to a stage, by one of MLflow's deprecated calls; `archiveExisting` sends that stage's others off. */
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

/** Where the version's files are, for `artifactsAt`. */
export async function getModelVersionDownloadUri(
  connection: Connection,
  name: string,
  version: string,
): Promise<string> {
  const query = { name, version };
  return (await get<{ artifact_uri: string }>(connection, 'model-versions/get-download-uri', query)).artifact_uri;
}

/** `filter` e.g. `name = 'face' AND run_id = '...'`. */
export function eachModelVersion(connection: Connection, search: RegistrySearch = {}): AsyncGenerator<ModelVersion> {
  return paged(async (pageToken) => {
    const page = await get<{ model_versions?: SentModelVersion[]; next_page_token?: string }>(
      connection,
      'model-versions/search',
      {
        filter: search.filter,
        order_by: search.orderBy,
        max_results: pageSize(search.limit, 1000),
        page_token: pageToken,
      },
    );
    return { items: (page.model_versions ?? []).map(readVersion), next: page.next_page_token };
  });
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
