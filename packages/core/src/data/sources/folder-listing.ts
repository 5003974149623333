import { opendir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '../../system/user-error';
import { errorCode } from '../../system/whole-file';

/** The images and folders in one folder, without hidden ones. */
export interface FolderListing {
  /** Path below the root of the tree, with '/' as separator; '' for the root. */
  readonly path: string;
  /** The folder's modification time; undefined if it was so recent that a later change may not alter it. */
  readonly changed: number | undefined;
  /** Sorted by code units. */
  readonly images: readonly string[];
  /** Bytes of each image. */
  readonly sizes: readonly number[];
  /** Sorted by code units. */
  readonly folders: readonly string[];
}

/** File name extensions of images, in lower case. */
export const imageEndings = ['.jpg', '.jpeg', '.png', '.webp', '.bmp', '.tif', '.tiff'];

// File systems store times as coarsely as two seconds (FAT); a folder may change twice within one.
const settledAfter = 2500;
// How many file sizes to ask for at once: enough to keep a network file system busy.
const parallel = 256;

/**
 * Lists one folder; links count as their targets.
 * @throws UserError for a folder that cannot be read, and for a broken link named as an image
 */
export async function listFolder(root: string, path: string): Promise<FolderListing> {
  const folder = join(root, path);
  try {
    const { mtimeMs } = await stat(folder);
    const settled = Date.now() - mtimeMs > settledAfter;
    const images: string[] = [];
    const folders: string[] = [];
    for await (const entry of await opendir(folder, { bufferSize: 1024 })) {
      const { name } = entry;
      // Among hidden files are macOS's ._* files, which are named as images.
      if (name.startsWith('.')) continue;
      // Only links, and entries of file systems that do not give their type, need a stat.
      const isKnown = entry.isDirectory() || entry.isFile();
      const target = isKnown ? entry : await stat(join(folder, name)).catch(() => undefined);
      const isImage = imageEndings.includes(name.slice(name.lastIndexOf('.')).toLowerCase());
      if (target?.isDirectory()) folders.push(name);
      else if (isImage) images.push(name);
    }
    images.sort();
    folders.sort();
    return { path, changed: settled ? mtimeMs : undefined, images, sizes: await sizesOf(folder, images), folders };
  } catch (error) {
    throw explain(error, folder);
  }
}

async function sizesOf(folder: string, names: readonly string[]): Promise<number[]> {
  const sizes: number[] = [];
  for (let from = 0; from < names.length; from += parallel) {
    const part = names.slice(from, from + parallel);
    const found = await Promise.all(part.map((name) => stat(join(folder, name))));
    for (const { size } of found) sizes.push(size);
  }
  return sizes;
}

/** A UserError for an error of the file system; others unchanged. */
function explain(error: unknown, folder: string): unknown {
  const code = errorCode(error) ?? '';
  const { path = folder } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return new UserError(`${path} is missing, or a link to a missing file.`, 1);
  if (code === 'ENOTDIR') return new UserError(`${path} is not a folder.`, 1);
  if (['EACCES', 'EPERM', 'EIO', 'ELOOP'].includes(code)) {
    return new UserError(`${path} cannot be read (${code}).`, 1);
  }
  return error;
}
