import { randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream, existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import type { Connection } from '../connection';
import { MlflowError } from '../error';
import { joinPath, placeIn } from './path';
import type { ArtifactFile, ArtifactStore } from './store';

/**
 * A store in a folder of this machine, in the layout of MLflow's own client. Undefined if `uri` is not a folder or may
 * belong to a remote server: a folder that does not exist yet is only created if the server is at localhost.
 */
export function fileStore(connection: Connection, uri: string): ArtifactStore | undefined {
  const root = folderOf(uri);
  if (root === undefined || !(isLoopback(connection.uri) || existsSync(root))) return undefined;
  const { signal } = connection;
  return {
    list: async (folder) => {
      const place = folder === undefined ? root : placeIn(root, folder);
      const files: ArtifactFile[] = [];
      for (const entry of await entriesOf(place)) {
        const path = joinPath(folder, entry.name);
        if (entry.isDirectory()) files.push({ path, is_dir: true });
        else if (entry.isFile()) {
          files.push({ path, is_dir: false, file_size: (await stat(join(place, entry.name))).size });
        }
      }
      return files.sort((a, b) => (a.path < b.path ? -1 : 1));
    },
    read: async function* (path) {
      const place = placeIn(root, path);
      if (!existsSync(place)) throw new MlflowError(`there is no artifact ${path}`, 'RESOURCE_DOES_NOT_EXIST', 404);
      yield* createReadStream(place, { signal });
    },
    write: (path, body) => writeWhole(placeIn(root, path), body.open(), { signal, onProgress: body.onProgress }),
    remove: (path) => rm(placeIn(root, path), { recursive: true, force: true }),
  };
}

/** Streams bytes into a file that appears only when it is complete. Creates missing folders. */
export async function writeWhole(
  file: string,
  bytes: AsyncIterable<Uint8Array>,
  { signal, onProgress }: { signal?: AbortSignal; onProgress?: (bytes: number) => void } = {},
): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  const partial = `${file}.${randomUUID()}.part`;
  const counted = async function* (source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    let sum = 0;
    for await (const chunk of source) {
      sum += chunk.length;
      yield chunk;
      onProgress?.(sum);
    }
  };
  try {
    await pipeline(counted(bytes), createWriteStream(partial), { signal });
    await rename(partial, file);
  } catch (error) {
    await rm(partial, { force: true });
    signal?.throwIfAborted();
    throw error;
  }
}

function folderOf(uri: string): string | undefined {
  if (!uri.startsWith('file:')) return isAbsolute(uri) ? uri : undefined;
  try {
    return fileURLToPath(uri);
  } catch {
    // A URL with a host: a folder of another machine.
    return undefined;
  }
}

const isLoopback = (uri: string): boolean => /^(localhost|127(\.\d+){3}|\[::1\])$/.test(new URL(uri).hostname);

async function entriesOf(folder: string) {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw error;
  }
}
