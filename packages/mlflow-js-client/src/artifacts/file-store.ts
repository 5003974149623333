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
 * A folder of this machine, as MLflow's own client writes it. Undefined when `uri` is none, or when it is a folder of
 * a server elsewhere: a folder that is not there yet is made only for a server on this machine.
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

/**
 * Writes a file that is either whole or not there, in bounded memory; its folders are made.
 * `onProgress` is told the bytes so far.
 */
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
    // Another machine's.
    return undefined;
  }
}

function isLoopback(uri: string): boolean {
  return /^(localhost|127(\.\d+){3}|\[::1\])$/.test(new URL(uri).hostname);
}

async function entriesOf(folder: string) {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw error;
  }
}
