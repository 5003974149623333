import { opendir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '../../system/user-error';
import { isImageName } from './image-names';

/** The images and folders of one folder; hidden ones are left out. */
export interface FolderListing {
  /** Below the root of the list, '' for itself, with '/' between. */
  readonly path: string;
  /** When the folder was last changed, as it was listed; undefined: so shortly before that a later change may not show. */
  readonly changed: number | undefined;
  /** Sorted by code units. */
  readonly images: readonly string[];
  /** Bytes of each image. */
  readonly sizes: readonly number[];
  /** Sorted. */
  readonly folders: readonly string[];
}

// File systems keep times as coarse as two seconds (FAT); a folder may change twice within one.
const settledAfter = 2500;
// How many files are asked for their size at once: enough to keep a network's file system busy.
const together = 256;

/**
 * Lists one folder; links count as what they point to.
 * @throws UserError for a folder that cannot be read, and a link to nothing that is named as an image
 */
export async function listFolder(root: string, path: string): Promise<FolderListing> {
  const folder = join(root, path);
  try {
    const { mtimeMs } = await stat(folder);
    const settled = Date.now() - mtimeMs > settledAfter;
    const images: string[] = [];
    const folders: string[] = [];
    const links: string[] = [];
    for await (const entry of await opendir(folder, { bufferSize: 1024 })) {
      const { name } = entry;
      if (name.startsWith('.')) continue;
      if (entry.isDirectory()) folders.push(name);
      else if (entry.isFile()) {
        if (isImageName(name)) images.push(name);
      }
      // Links, and file systems that do not say what an entry is.
      else links.push(name);
    }
    for (const name of links) {
      const target = await stat(join(folder, name)).catch(() => undefined);
      if (target?.isDirectory()) folders.push(name);
      else if (isImageName(name)) images.push(name);
    }
    images.sort();
    folders.sort();
    return { path, changed: settled ? mtimeMs : undefined, images, sizes: await sizesOf(folder, images), folders };
  } catch (error) {
    throw unreadable(error, folder);
  }
}

async function sizesOf(folder: string, names: readonly string[]): Promise<number[]> {
  const sizes: number[] = [];
  for (let from = 0; from < names.length; from += together) {
    const part = names.slice(from, from + together);
    const found = await Promise.all(part.map((name) => stat(join(folder, name))));
    for (const { size } of found) sizes.push(size);
  }
  return sizes;
}

/** @throws UserError where `error` is one of the file system's */
function unreadable(error: unknown, folder: string): unknown {
  const { code, path = folder } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return new UserError(`${path} is not there, or is a link to nothing.`, 1);
  if (code === 'ENOTDIR') return new UserError(`${path} is no folder.`, 1);
  if (code === 'EACCES' || code === 'EPERM' || code === 'EIO' || code === 'ELOOP') {
    return new UserError(`${path} cannot be read (${code}).`, 1);
  }
  return error;
}
