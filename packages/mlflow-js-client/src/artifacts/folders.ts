import { opendir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Connection, withSignal } from '../connection';
import { artifactsAt, downloadArtifact, uploadArtifact } from './artifacts';
import { inParallel } from './parallel';
import { joinPath, placeIn } from './path';
import type { ArtifactFile, ArtifactOwner, ArtifactStore } from './store';

export interface FolderOptions {
  /** Called with a file's path, its bytes moved so far and, if known, its size. */
  onProgress?: (path: string, bytes: number, total?: number) => void;
  signal?: AbortSignal;
}

const filesAtOnce = 4;

/**
 * Uploads all files below a folder to `to` below the owner's artifacts, by default their root. Does not follow links.
 * A failure leaves the files uploaded before it. Returns the artifacts' paths.
 */
export function uploadFolder(
  connection: Connection,
  owner: ArtifactOwner,
  folder: string,
  to = '',
  { onProgress, signal }: FolderOptions = {},
): Promise<string[]> {
  const stop = new AbortController();
  const stoppable = withSignal(withSignal(connection, signal), stop.signal);
  return inParallel(filesBelow(folder), filesAtOnce, stop, async (name) => {
    const path = joinPath(to, name);
    const progress = onProgress && ((bytes: number, total?: number) => onProgress(path, bytes, total));
    await uploadArtifact(stoppable, owner, join(folder, name), path, { onProgress: progress });
    return path;
  });
}

/**
 * Downloads all artifacts below `from`, by default the root, into a folder, which is created. Throws UNSAFE_PATH for a
 * name that would leave the folder. A failure leaves the files downloaded before it.
 * Returns the artifacts' paths, including `from`.
 */
export function downloadFolder(
  connection: Connection,
  owner: ArtifactOwner,
  folder: string,
  from = '',
  { onProgress, signal }: FolderOptions = {},
): Promise<string[]> {
  const stop = new AbortController();
  const stoppable = withSignal(withSignal(connection, signal), stop.signal);
  const files = artifactsBelow(artifactsAt(stoppable, owner), from || undefined);
  return inParallel(files, filesAtOnce, stop, async ({ path, file_size: total }) => {
    const place = placeIn(folder, from ? path.slice(from.length + 1) : path);
    const progress = onProgress && ((bytes: number) => onProgress(path, bytes, total));
    await downloadArtifact(stoppable, owner, path, place, { onProgress: progress });
    return path;
  });
}

async function* artifactsBelow(store: ArtifactStore, folder?: string): AsyncGenerator<ArtifactFile> {
  for (const file of await store.list(folder)) {
    if (file.is_dir) yield* artifactsBelow(store, file.path);
    else yield file;
  }
}

/** All files below a local folder, by relative path with forward slashes. */
async function* filesBelow(folder: string, below = ''): AsyncGenerator<string> {
  for await (const entry of await opendir(join(folder, below))) {
    const path = joinPath(below, entry.name);
    if (entry.isDirectory()) yield* filesBelow(folder, path);
    else if (entry.isFile()) yield path;
  }
}
