import { opendir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Connection, withSignal } from '../connection';
import { downloadArtifact, uploadArtifact } from './artifacts';
import { inParallel } from './parallel';
import { joinPath, placeIn } from './path';
import { type ArtifactFile, type ArtifactOwner, type ArtifactStore, artifactsAt } from './store';

export interface FolderOptions {
  /** Told which file moves, its bytes so far and, where known, all of its bytes. */
  onProgress?: (path: string, bytes: number, total?: number) => void;
  signal?: AbortSignal;
}

const filesAtOnce = 4;

/**
 * Uploads the files of a folder, and of those in it, to `to` below the owner's artifacts (the root by default).
 * Links are not followed. What was uploaded before a failure stays. Returns the artifacts' paths.
 */
export function uploadFolder(
  connection: Connection,
  owner: ArtifactOwner,
  folder: string,
  to = '',
  { onProgress, signal }: FolderOptions = {},
): Promise<string[]> {
  const stop = new AbortController();
  const terms = withSignal(withSignal(connection, signal), stop.signal);
  return inParallel(filesOf(folder), filesAtOnce, stop, async (name) => {
    const path = joinPath(to, name);
    const progress = onProgress && ((bytes: number, total?: number) => onProgress(path, bytes, total));
    await uploadArtifact(terms, owner, join(folder, name), path, { onProgress: progress });
    return path;
  });
}

/**
 * Downloads all that is below `from` (the root by default) into a folder, which is made. A name that would leave it is
 * refused (UNSAFE_PATH). What was downloaded before a failure stays. Returns the artifacts' paths, `from` included.
 */
export function downloadFolder(
  connection: Connection,
  owner: ArtifactOwner,
  folder: string,
  from = '',
  { onProgress, signal }: FolderOptions = {},
): Promise<string[]> {
  const stop = new AbortController();
  const terms = withSignal(withSignal(connection, signal), stop.signal);
  const files = artifactsBelow(artifactsAt(terms, owner), from || undefined);
  return inParallel(files, filesAtOnce, stop, async ({ path, file_size: total }) => {
    const place = placeIn(folder, from ? path.slice(from.length + 1) : path);
    const progress = onProgress && ((bytes: number) => onProgress(path, bytes, total));
    await downloadArtifact(terms, owner, path, place, { onProgress: progress });
    return path;
  });
}

/** All files below a folder of a store, however deep. */
async function* artifactsBelow(store: ArtifactStore, folder?: string): AsyncGenerator<ArtifactFile> {
  for (const file of await store.list(folder)) {
    if (file.is_dir) yield* artifactsBelow(store, file.path);
    else yield file;
  }
}

/** All files below a local folder, by their paths from there, with forward slashes. */
async function* filesOf(folder: string, below = ''): AsyncGenerator<string> {
  for await (const entry of await opendir(join(folder, below))) {
    const path = joinPath(below, entry.name);
    if (entry.isDirectory()) yield* filesOf(folder, path);
    else if (entry.isFile()) yield path;
  }
}
