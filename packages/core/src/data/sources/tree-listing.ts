import { createHash } from 'node:crypto';
import { readdirSync, type Stats, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { nameOf, pathOf } from '../../system/file-name';
import { contentStamp, isSmall, statStamp } from '../../system/file-stamps';
import { makeProgress } from '../../system/progress';
import { UserError } from '../../system/user-error';
import { errorCode } from '../../system/whole-file';

/** The images and folders in one folder, without hidden ones and those of operating systems. */
export interface FolderListing {
  /** Path below the root of the tree, with '/' as separator; '' for the root. */
  readonly path: string;
  /** Sorted by code units; for names that are not UTF-8 see `nameOf`. */
  readonly images: readonly string[];
  /** A text for each image that changes with its content: see `ListOptions.verify`. */
  readonly stamps: readonly string[];
  /** Sorted by code units. */
  readonly folders: readonly string[];
  /** Pictures of formats that are not read. */
  readonly unread: readonly string[];
  /** Named as images, but pipes, sockets or devices: reading one could wait for ever. */
  readonly irregular: readonly string[];
}

/** The listings of a folder and of all folders below it, by path. */
export type TreeListing = ReadonlyMap<string, FolderListing>;

export interface ListOptions {
  /** Keeps lists of records, if it can be written; default: `.headshare` in the data's folder. */
  readonly cacheFolder?: string;
  /** Gets the number of images found so far. */
  readonly onProgress?: (images: number) => void;
  /**
   * Notices changes by the contents of all files. By default so are those of a small set (see `isSmall`), but of a large
   * one by size, modification time and inode.
   */
  readonly verify?: boolean | undefined;
}

// Datasets are one or two folders deep.
const maxDepth = 8;

/**
 * All images at and below `root`.
 * @throws UserError for folders that cannot be read, links to a parent folder, and broken links named as images
 */
export async function listTree(root: string, { onProgress, verify = false }: ListOptions = {}): Promise<TreeListing> {
  const tree = new Map<string, FolderListing>();
  const total = { images: 0, bytes: 0 };
  const visit = async (path: string, parents: readonly string[]): Promise<void> => {
    const { listing, place, bytes } = listFolder(root, path);
    if (parents.includes(place)) throw new UserError(`${join(root, path)} is a link to one of its parents.`, 1);
    if (parents.length > maxDepth) {
      throw new UserError(
        `${join(root, path)} is ${parents.length} folders deep: is it a link to one of its parents?`,
        1,
      );
    }
    tree.set(path, listing);
    total.images += listing.images.length;
    total.bytes += bytes;
    onProgress?.(total.images);
    // Listing a folder does not wait for anything; signals and progress bars need their turn.
    await new Promise((next) => setImmediate(next));
    for (const folder of listing.folders) await visit(below(path, folder), [...parents, place]);
  };
  await visit('', []);
  return verify || isSmall(total.images, total.bytes) ? withContents(root, tree, verify, total.images) : tree;
}

async function withContents(root: string, tree: TreeListing, isLong: boolean, total: number): Promise<TreeListing> {
  const progress = isLong ? makeProgress('verify') : undefined;
  const stamped = new Map<string, FolderListing>();
  let done = 0;
  try {
    for (const [path, listing] of tree) {
      const stamps: string[] = [];
      for (const [i, name] of listing.images.entries()) {
        // An unreadable picture is the pipeline's to report.
        const stamp = await contentStamp(pathOf(join(root, path, name))).catch(() => undefined);
        stamps.push(stamp ?? (listing.stamps[i] as string));
        progress?.update({ done: ++done, total, unit: 'images', text: 'contents read' });
      }
      stamped.set(path, { ...listing, stamps });
    }
    return stamped;
  } finally {
    progress?.clear();
  }
}

export const below = (path: string, name: string): string => (path === '' ? name : `${path}/${name}`);

/**
 * The file for a list made from `part` of `dataFolder`: in `cacheFolder`, by default in `.headshare` beside the data, so
 * that it moves with the data.
 */
export function listFile(dataFolder: string, part: string, cacheFolder: string | undefined): string {
  const whole = cacheFolder === undefined ? part : `${resolve(dataFolder)}\n${part}`;
  const digest = createHash('sha256').update(whole).digest('hex').slice(0, 12);
  const name = part.replace(/[^A-Za-z0-9]+/g, '-') || 'all';
  return join(cacheFolder ?? join(dataFolder, '.headshare'), `${name}-${digest}.list`);
}

/** File name extensions of images, in lower case. */
export const imageEndings = ['.jpg', '.jpeg', '.png', '.webp', '.bmp', '.tif', '.tiff'];

/** Extensions of pictures that are not read: a folder full of them should not look empty. */
const unreadEndings = [
  '.gif',
  '.avif',
  '.heic',
  '.heif',
  '.jfif',
  '.jpe',
  '.jp2',
  '.jxl',
  '.ppm',
  '.pgm',
  '.pnm',
  '.svg',
  '.psd',
];

/** Names that operating systems and unpackers leave in folders; hidden files are left out too. */
const foreign = new Set([
  '__MACOSX',
  '@eaDir',
  '$RECYCLE.BIN',
  'System Volume Information',
  'lost+found',
  'Thumbs.db',
  'desktop.ini',
  '__pycache__',
]);

// Among hidden files are macOS's ._* files, which are named as images.
const isForeign = (name: string): boolean => name.startsWith('.') || foreign.has(name);

export function endingOf(name: string): string {
  return name.slice(name.lastIndexOf('.')).toLowerCase();
}

/** The names in a folder, without hidden ones and those of operating systems, in code-unit order. @throws Error of the file system */
export function entriesOf(folder: string) {
  const path = pathOf(folder);
  const plain = readdirSync(path, { withFileTypes: true });
  // U+FFFD stands for bytes that are not UTF-8.
  const entries = plain.some(({ name }) => name.includes('\ufffd'))
    ? readdirSync(path, { withFileTypes: true, encoding: 'buffer' }).map((entry) => typed(nameOf(entry.name), entry))
    : plain.map((entry) => typed(entry.name, entry));
  return entries.filter(({ name }) => !isForeign(name)).sort(({ name: a }, { name: b }) => (a < b ? -1 : 1));
}

const typed = (name: string, entry: { isDirectory(): boolean; isFile(): boolean }) => ({
  name,
  // Links, and entries of file systems that do not give their type, need a stat.
  type: entry.isDirectory() ? ('folder' as const) : entry.isFile() ? ('file' as const) : ('other' as const),
});

/**
 * Lists one folder; links count as their targets. `place` tells the folder from all others.
 * @throws UserError for a folder that cannot be read, and for a broken link named as an image
 */
function listFolder(root: string, path: string) {
  const folder = join(root, path);
  try {
    const { dev, ino } = statSync(pathOf(folder));
    const images: string[] = [];
    const stamps: string[] = [];
    const folders: string[] = [];
    const unread: string[] = [];
    const irregular: string[] = [];
    let bytes = 0;
    for (const { name, type } of entriesOf(folder)) {
      const isImage = imageEndings.includes(endingOf(name));
      if (unreadEndings.includes(endingOf(name)) && type === 'file') unread.push(name);
      if (type === 'folder') folders.push(name);
      if (type === 'folder' || (type === 'file' && !isImage)) continue;
      const stats = statOf(join(folder, name), isImage);
      if (stats?.isDirectory()) folders.push(name);
      else if (isImage && stats && !stats.isFile()) irregular.push(name);
      else if (isImage && stats) {
        images.push(name);
        stamps.push(statStamp(stats));
        bytes += stats.size;
      }
    }
    return { listing: { path, images, stamps, folders, unread, irregular }, place: `${dev} ${ino}`, bytes };
  } catch (error) {
    throw explain(error, folder);
  }
}

/** The images of a tree that are no files, by their paths: `FolderListing.irregular`. */
export const irregularIn = (tree: TreeListing): string[] =>
  [...tree].flatMap(([path, { irregular }]) => irregular.map((name) => below(path, name)));

function statOf(path: string, isNeeded: boolean): Stats | undefined {
  try {
    return statSync(pathOf(path));
  } catch (error) {
    if (isNeeded) throw explain(error, path);
    return undefined;
  }
}

/** A UserError for an error of the file system; others unchanged. */
function explain(error: unknown, path: string): unknown {
  const code = errorCode(error) ?? '';
  if (code === 'ENOENT') return new UserError(`${path} is missing, or a link to a missing file.`, 1);
  if (code === 'ENOTDIR') return new UserError(`${path} is not a folder.`, 1);
  if (['EACCES', 'EPERM', 'EIO', 'ELOOP'].includes(code)) {
    return new UserError(`${path} cannot be read (${code}).`, 1);
  }
  return error;
}
