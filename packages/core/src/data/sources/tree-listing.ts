import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '../../system/user-error';
import { type FolderListing, listFolder } from './folder-listing';
import { type IndexPlace, readIndex, writeIndex } from './listing-index';

/** A folder's listing with those of all folders below it, by path. */
export type TreeListing = ReadonlyMap<string, FolderListing>;

export interface ListOptions {
  /** Where lists of files are kept; none are where it cannot be written. Default: `.headshare` in the data's folder. */
  readonly cacheFolder?: string;
  /** Hears how many images have been found. */
  readonly onProgress?: (images: number) => void;
}

// Data sets lie one or two folders deep; a link to a folder above would go on for ever.
const deepest = 8;

/**
 * All images at and below `root`. A list kept from an earlier time serves for each folder whose time of change is the
 * same, and one of whose images still has its size; others are listed again. So files that are added, removed or
 * renamed are noticed, and a folder whose images were all written anew; one image overwritten in place is not.
 * @throws UserError for folders that cannot be read
 */
export async function listTree(
  root: string,
  place: IndexPlace,
  onProgress?: ListOptions['onProgress'],
): Promise<TreeListing> {
  const known = await readIndex(place);
  const tree = new Map<string, FolderListing>();
  let images = 0;
  let renewed = false;
  const visit = async (path: string, depth: number): Promise<void> => {
    if (depth > deepest)
      throw new UserError(`${join(root, path)} is ${depth} folders deep: is it a link to one above?`, 1);
    const before = known?.get(path);
    const kept = before && (await isCurrent(root, before)) ? before : undefined;
    const listing = kept ?? (await listFolder(root, path));
    renewed ||= !kept;
    tree.set(path, listing);
    images += listing.images.length;
    onProgress?.(images);
    for (const folder of listing.folders) await visit(path === '' ? folder : `${path}/${folder}`, depth + 1);
  };
  await visit('', 0);
  if (renewed || tree.size !== known?.size) await writeIndex(place, tree);
  return tree;
}

async function isCurrent(root: string, { path, changed, images, sizes }: FolderListing): Promise<boolean> {
  if (changed === undefined) return false;
  const folder = join(root, path);
  const now = await stat(folder).catch(() => undefined);
  if (now?.mtimeMs !== changed) return false;
  // Not always the first: it differs from folder to folder.
  const probe = path.length % Math.max(1, images.length);
  const image = images[probe];
  return image === undefined || (await stat(join(folder, image)).catch(() => undefined))?.size === sizes[probe];
}
