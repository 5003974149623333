import { createHash } from 'node:crypto';
import { mkdir, opendir, readFile, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { UserError } from '../../system/user-error';
import { errorCode } from '../../system/whole-file';
import { writeAtomically } from '../../system/write-atomically';
import { isCount } from '../../weights/refusal';

/** The images and folders in one folder, without hidden ones. */
interface FolderListing {
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

/** The listings of a folder and of all folders below it, by path. */
export type TreeListing = ReadonlyMap<string, FolderListing>;

export interface ListOptions {
  /** Caches lists of files, if it can be written; default: `.headshare` in the data's folder. */
  readonly cacheFolder?: string;
  /** Gets the number of images found so far. */
  readonly onProgress?: (images: number) => void;
}

// Datasets are one or two folders deep; a link to a parent folder would never end.
const maxDepth = 8;

/**
 * All images at and below `root`. The cached list is used for a folder whose modification time is unchanged and one of
 * whose images still has its size; other folders are listed again. So added, removed and renamed files are noticed, and
 * a folder whose images were all rewritten; one image overwritten in place is not.
 * @param indexFile the cached list
 * @throws UserError for folders that cannot be read
 */
export async function listTree(
  root: string,
  indexFile: string,
  onProgress?: ListOptions['onProgress'],
): Promise<TreeListing> {
  const cached = await readIndex(indexFile);
  const tree = new Map<string, FolderListing>();
  let images = 0;
  let renewed = false;
  const visit = async (path: string, depth: number): Promise<void> => {
    if (depth > maxDepth) {
      throw new UserError(`${join(root, path)} is ${depth} folders deep: is it a link to one of its parents?`, 1);
    }
    const before = cached?.get(path);
    const current = before && (await isCurrent(root, before)) ? before : undefined;
    const listing = current ?? (await listFolder(root, path));
    renewed ||= !current;
    tree.set(path, listing);
    images += listing.images.length;
    onProgress?.(images);
    for (const folder of listing.folders) await visit(path === '' ? folder : `${path}/${folder}`, depth + 1);
  };
  await visit('', 0);
  if (renewed || tree.size !== cached?.size) await writeIndex(indexFile, tree);
  return tree;
}

async function isCurrent(root: string, { path, changed, images, sizes }: FolderListing): Promise<boolean> {
  if (changed === undefined) return false;
  const folder = join(root, path);
  const now = await stat(folder).catch(() => undefined);
  if (now?.mtimeMs !== changed) return false;
  // The probed image differs from folder to folder.
  const probe = path.length % Math.max(1, images.length);
  const image = images[probe];
  return image === undefined || (await stat(join(folder, image)).catch(() => undefined))?.size === sizes[probe];
}

// The cached list: this line, a line of JSON per folder, and a last line that counts the folders.
const format = 'headshare list of images 1';

/**
 * The file for the list of folder `part` of `dataFolder`: in `cacheFolder`, by default in `.headshare` beside the data,
 * so that it moves with the data.
 */
export function listFile(dataFolder: string, part: string, cacheFolder: string | undefined): string {
  const whole = cacheFolder === undefined ? part : `${resolve(dataFolder)}\n${part}`;
  const digest = createHash('sha256').update(whole).digest('hex').slice(0, 12);
  const name = part.replace(/[^A-Za-z0-9]+/g, '-') || 'all';
  return join(cacheFolder ?? join(dataFolder, '.headshare'), `${name}-${digest}.list`);
}

/** The folders of a list, by path; undefined if the file is missing or damaged. */
export async function readIndex(file: string): Promise<Map<string, FolderListing> | undefined> {
  try {
    const lines = (await readFile(file, 'utf8')).split('\n');
    if (lines[0] !== format || lines.at(-1) !== `${lines.length - 2} folders`) return undefined;
    const listings = lines.slice(1, -1).map((line) => listingOf(JSON.parse(line)));
    return new Map(listings.map((listing) => [listing.path, listing]));
  } catch {
    return undefined;
  }
}

function listingOf(value: unknown): FolderListing {
  const { path, changed, images, sizes, folders } = value as Record<string, unknown>;
  const isWhole =
    typeof path === 'string' &&
    (changed === undefined || typeof changed === 'number') &&
    isNames(images) &&
    isNames(folders) &&
    Array.isArray(sizes) &&
    sizes.length === images.length &&
    sizes.every(isCount);
  if (!isWhole) throw new Error('not a listing');
  return { path, changed, images, sizes, folders };
}

const isNames = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((name) => typeof name === 'string' && !name.includes('/') && name !== '..');

/** Writes a list, where that is possible: it only saves time. */
async function writeIndex(file: string, tree: TreeListing): Promise<void> {
  try {
    await mkdir(dirname(file), { recursive: true });
    const lines = [...tree.values()].map((listing) => Buffer.from(`${JSON.stringify(listing)}\n`));
    writeAtomically(file, [`${format}\n`, ...lines, `${tree.size} folders`]);
  } catch {
    // The next start lists the folders again.
  }
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
async function listFolder(root: string, path: string): Promise<FolderListing> {
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
