import { get, getPages, patch, post, remove, take } from './api';
import type { Connection } from './connection';
import { type KeyValue, keyValues } from './key-value';
import {
  type ModelVersion,
  type RegistrySearch,
  readVersion,
  registryQuery,
  type SentModelVersion,
} from './model-versions';

/** A model in the registry, with its versions. */
export interface RegisteredModel {
  name: string;
  /** Milliseconds since 1970. */
  creation_timestamp: number;
  last_updated_timestamp: number;
  user_id?: string;
  description: string;
  tags: KeyValue[];
  aliases: { alias: string; version: string }[];
  /** The newest version of each stage. */
  latest_versions: ModelVersion[];
}

interface SentRegisteredModel extends Omit<RegisteredModel, 'description' | 'tags' | 'aliases' | 'latest_versions'> {
  description?: string;
  tags?: KeyValue[];
  aliases?: RegisteredModel['aliases'];
  latest_versions?: SentModelVersion[];
}

interface Answer {
  registered_model: SentRegisteredModel;
}

function readModel(model: SentRegisteredModel): RegisteredModel {
  return {
    ...model,
    description: model.description ?? '',
    tags: model.tags ?? [],
    aliases: model.aliases ?? [],
    latest_versions: (model.latest_versions ?? []).map(readVersion),
  };
}

/** Throws RESOURCE_ALREADY_EXISTS if the name exists. */
export async function createRegisteredModel(
  connection: Connection,
  name: string,
  { description, tags = {} }: { description?: string; tags?: Record<string, string> } = {},
): Promise<RegisteredModel> {
  const json = { name, description, tags: keyValues(tags) };
  return readModel((await post<Answer>(connection, 'registered-models/create', json, 'once')).registered_model);
}

/** Throws RESOURCE_DOES_NOT_EXIST. */
export async function getRegisteredModel(connection: Connection, name: string): Promise<RegisteredModel> {
  return readModel((await get<Answer>(connection, 'registered-models/get', { name })).registered_model);
}

/** Changes the description. */
export async function updateRegisteredModel(
  connection: Connection,
  name: string,
  { description }: { description: string },
): Promise<RegisteredModel> {
  const answer = await patch<Answer>(connection, 'registered-models/update', { name, description });
  return readModel(answer.registered_model);
}

export async function renameRegisteredModel(
  connection: Connection,
  name: string,
  newName: string,
): Promise<RegisteredModel> {
  const json = { name, new_name: newName };
  return readModel((await post<Answer>(connection, 'registered-models/rename', json, 'once')).registered_model);
}

/** Deletes a registered model and all its versions for good. */
export async function deleteRegisteredModel(connection: Connection, name: string): Promise<void> {
  await remove(connection, 'registered-models/delete', { name });
}

export function eachRegisteredModel(
  connection: Connection,
  search: RegistrySearch = {},
): AsyncGenerator<RegisteredModel> {
  type Page = { registered_models?: SentRegisteredModel[] };
  return getPages(connection, 'registered-models/search', registryQuery(search), ({ registered_models = [] }: Page) =>
    registered_models.map(readModel),
  );
}

export function searchRegisteredModels(
  connection: Connection,
  search: RegistrySearch = {},
): Promise<RegisteredModel[]> {
  return take(eachRegisteredModel(connection, search), search.limit);
}

export async function setRegisteredModelTag(
  connection: Connection,
  name: string,
  key: string,
  value: string,
): Promise<void> {
  await post(connection, 'registered-models/set-tag', { name, key, value }, 'repeatable');
}

export async function deleteRegisteredModelTag(connection: Connection, name: string, key: string): Promise<void> {
  await remove(connection, 'registered-models/delete-tag', { name, key });
}

/** Points an alias to a version; an existing alias is moved. */
export async function setAlias(connection: Connection, name: string, alias: string, version: string): Promise<void> {
  await post(connection, 'registered-models/alias', { name, alias, version }, 'repeatable');
}

export async function deleteAlias(connection: Connection, name: string, alias: string): Promise<void> {
  await remove(connection, 'registered-models/alias', { name, alias });
}
