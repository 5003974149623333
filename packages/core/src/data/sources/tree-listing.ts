import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '../../system/user-error';
import { type FolderListing, listFolder } from './folder-listing';
import { readIndex, writeIndex } from './listing-index';

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
