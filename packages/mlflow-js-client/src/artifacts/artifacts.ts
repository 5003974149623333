import { createReadStream, statSync } from 'node:fs';
import { get } from '../api';
import { type Connection, withSignal } from '../connection';
import { paged, take } from '../page';
import { writeWhole } from './file-store';
import { readFile } from './proxied-store';
import { type ArtifactFile, type ArtifactOwner, artifactsAt } from './store';

export interface TransferOptions {
  /** Told the bytes so far, and all of them where known; begins anew when an upload is repeated. */
  onProgress?: (bytes: number, total?: number) => void;
  signal?: AbortSignal;
}

/**
 * Uploads a file, read as a stream; one of 500 MiB or more in parts where the store can. `to` is its path below the
 * owner's artifacts, file name included; a file there is replaced.
 * Throws MlflowError UNSUPPORTED_ARTIFACT_STORE when neither server nor this machine reaches the artifacts, UNSAFE_PATH,
 * and the file system's own error when `file` cannot be read.
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
    // Of a file that grows meanwhile, only what was announced.
    open: () => (size === 0 ? nothing() : createReadStream(file, { end: size - 1 })),
    onProgress: onProgress && ((bytes) => onProgress(bytes, size)),
  });
}

/** An artifact's bytes as they arrive. Throws RESOURCE_DOES_NOT_EXIST when reading begins. */
export function readArtifact(
  connection: Connection,
  owner: ArtifactOwner,
  path: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  return artifactsAt(connection, owner).read(path);
}

/** Downloads an artifact into `file`, which is there only when it is whole; its folders are made. */
export async function downloadArtifact(
  connection: Connection,
  owner: ArtifactOwner,
  path: string,
  file: string,
  { onProgress, signal }: TransferOptions = {},
): Promise<void> {
  const terms = withSignal(connection, signal);
  await writeWhole(file, artifactsAt(terms, owner).read(path), { signal: terms.signal, onProgress });
}

/** Deletes a file, or a folder with all that is in it. */
export function deleteArtifact(connection: Connection, owner: ArtifactOwner, path: string): Promise<void> {
  return artifactsAt(connection, owner).remove(path);
}

interface ListAnswer {
  files?: ArtifactFile[];
  next_page_token?: string;
}

/** The files and folders directly in `path` (the run's artifact folder itself by default). */
export function listArtifacts(connection: Connection, runId: string, path?: string): Promise<ArtifactFile[]> {
  return take(
    paged(async (page_token) => {
      const answer = await get<ListAnswer>(connection, 'artifacts/list', { run_id: runId, path, page_token });
      return { items: (answer.files ?? []).map(readFile), next: answer.next_page_token };
    }),
  );
}

/** The files and folders directly in `path` of a logged model. */
export function listLoggedModelArtifacts(
  connection: Connection,
  modelId: string,
  path?: string,
): Promise<ArtifactFile[]> {
  const resource = `logged-models/${encodeURIComponent(modelId)}/artifacts/directories`;
  return take(
    paged(async (page_token) => {
      const answer = await get<ListAnswer>(connection, resource, { artifact_directory_path: path, page_token });
      return { items: (answer.files ?? []).map(readFile), next: answer.next_page_token };
    }),
  );
}

async function* nothing(): AsyncGenerator<Uint8Array> {}
