import { createReadStream, statSync } from 'node:fs';
import { getPages, take } from '../api';
import { type Connection, withSignal } from '../connection';
import { MlflowError } from '../error';
import { hideInAddress } from '../secrets';
import { fileStore, writeWhole } from './file-store';
import { proxiedStore, readFile } from './proxied-store';
import type { ArtifactFile, ArtifactOwner, ArtifactStore } from './store';

export interface TransferOptions {
  /** Called with the bytes moved so far and, if known, the total; starts again when an upload is repeated. */
  onProgress?: (bytes: number, total?: number) => void;
  signal?: AbortSignal;
}

/**
 * The store behind an artifact URI: the server as a proxy (mlflow-artifacts:, or http below the server's address), or a
 * folder of this machine (file:, or a plain path).
 * Throws MlflowError UNSUPPORTED_ARTIFACT_STORE for all others and for a folder on a remote server's machine.
 */
export function artifactsAt(connection: Connection, { artifact_uri: uri }: ArtifactOwner): ArtifactStore {
  const store = proxiedStore(connection, uri) ?? fileStore(connection, uri);
  if (store) return store;
  const message = `the artifacts are at ${hideInAddress(uri)}, which neither the server's proxy nor this machine can access`;
  throw new MlflowError(message, 'UNSUPPORTED_ARTIFACT_STORE', 0);
}

/**
 * Uploads a file as a stream, from 500 MiB in parts if the store supports it. `to` is the artifact's path including the
 * file name; an existing artifact is replaced.
 * Throws MlflowError UNSUPPORTED_ARTIFACT_STORE or UNSAFE_PATH, and the file system's error if `file` cannot be read.
 */
export async function uploadArtifact(
  connection: Connection,
  owner: ArtifactOwner,
  file: string,
  to: string,
  { onProgress, signal }: TransferOptions = {},
): Promise<void> {
  const store = artifactsAt(withSignal(connection, signal), owner);
  const { size } = statSync(file);
  await store.write(to, {
    file,
    bytes: size,
    // Limited to the announced size, in case the file grows.
    open: () => (size === 0 ? nothing() : createReadStream(file, { end: size - 1 })),
    onProgress: onProgress && ((bytes) => onProgress(bytes, size)),
  });
}

/** Streams an artifact's bytes. Throws RESOURCE_DOES_NOT_EXIST when reading begins. */
export function readArtifact(
  connection: Connection,
  owner: ArtifactOwner,
  path: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  return artifactsAt(connection, owner).read(path);
}

/** Downloads an artifact into `file`, which appears only when it is complete. Creates missing folders. */
export async function downloadArtifact(
  connection: Connection,
  owner: ArtifactOwner,
  path: string,
  file: string,
  { onProgress, signal }: TransferOptions = {},
): Promise<void> {
  const limited = withSignal(connection, signal);
  await writeWhole(file, artifactsAt(limited, owner).read(path), { signal: limited.signal, onProgress });
}

/** Deletes a file, or a folder with its content. */
export function deleteArtifact(connection: Connection, owner: ArtifactOwner, path: string): Promise<void> {
  return artifactsAt(connection, owner).remove(path);
}

/** The files and folders directly in `path`, by default the run's artifact root. */
export function listArtifacts(connection: Connection, runId: string, path?: string): Promise<ArtifactFile[]> {
  return list(connection, 'artifacts/list', { run_id: runId, path });
}

/** The files and folders directly in `path` of a logged model. */
export function listLoggedModelArtifacts(
  connection: Connection,
  modelId: string,
  path?: string,
): Promise<ArtifactFile[]> {
  const resource = `logged-models/${encodeURIComponent(modelId)}/artifacts/directories`;
  return list(connection, resource, { artifact_directory_path: path });
}

function list(connection: Connection, resource: string, query: Record<string, string | undefined>) {
  type Page = { files?: ArtifactFile[] };
  return take(getPages(connection, resource, query, ({ files = [] }: Page) => files.map(readFile)));
}

async function* nothing(): AsyncGenerator<Uint8Array> {}
