import { join, resolve } from 'node:path';
import { UserError } from '../../system/user-error';
import { imageEndings } from './image-names';
import type { ImageSource } from './image-source';
import { listedSource } from './listed-source';
import { indexPlace } from './listing-index';
import { type ListOptions, listTree, type TreeListing } from './tree-listing';

/** The images of a folder of class folders, class by class; those of a class sorted by path. */
export interface ClassListing {
  /** Absolute. */
  readonly root: string;
  /** Names of the class folders, sorted by code units. */
  readonly classNames: readonly string[];
  /** The first image of each class, and at the end how many there are in all. */
  readonly starts: Int32Array;
  readonly sizes: Float64Array;
  /** Where image i lies below the root. */
  readonly path: (i: number) => string;
}

/**
 * Lists `<dataFolder>/<part>/<class>/**`; images may also lie deeper in their class's folder.
 * @param wanted the classes that there must be; default: whatever folders there are
 * @throws UserError for classes without images, and folders that are no class of `wanted`
 */
export async function listClasses(
  dataFolder: string,
  part: string,
  { cacheFolder, onProgress }: ListOptions,
  wanted?: readonly string[],
): Promise<ClassListing> {
  const root = resolve(dataFolder, part);
  const tree = await listTree(root, indexPlace(dataFolder, part, cacheFolder), onProgress);
  const found = tree.get('')?.folders ?? [];
  if (found.length === 0) throw new UserError(`${root} holds no class folders.`, 1);
  const classNames = wanted ?? found;
  const other = found.filter((name) => !classNames.includes(name));
  if (other.length > 0) {
    throw new UserError(`${root} has folders that are no class of the training images: ${some(other)}.`, 1);
  }
  const missing = classNames.filter((name) => !tree.has(name));
  if (missing.length > 0) throw new UserError(`${root} lacks the folders of the classes ${some(missing)}.`, 1);
  const parts = classNames.map((name) => imagesBelow(tree, name));
  const empty = classNames.filter((_, label) => parts[label]?.length === 0);
  if (empty.length > 0) {
    throw new UserError(`${root} has classes without an image (${imageEndings.join(', ')}): ${some(empty)}.`, 1);
  }
  return joined(root, classNames, parts);
}

interface Found {
  readonly path: string;
  readonly size: number;
}

function imagesBelow(tree: TreeListing, path: string): Found[] {
  const listing = tree.get(path);
  if (!listing) return [];
  const own = listing.images.map((name, i) => ({ path: `${path}/${name}`, size: listing.sizes[i] as number }));
  const deeper = listing.folders.flatMap((folder) => imagesBelow(tree, `${path}/${folder}`));
  return [...own, ...deeper];
}

function joined(root: string, classNames: readonly string[], parts: readonly (readonly Found[])[]): ClassListing {
  const starts = new Int32Array(parts.length + 1);
  for (const [label, part] of parts.entries()) starts[label + 1] = (starts[label] as number) + part.length;
  const paths = parts.flatMap((part) => part.map(({ path }) => path));
  const sizes = Float64Array.from(parts.flatMap((part) => part.map(({ size }) => size)));
  return { root, classNames, starts, sizes, path: (i) => paths[i] as string };
}

/** @param indices which images, in this order; default all */
export function classSource(name: string, listing: ClassListing, indices?: Int32Array): ImageSource {
  const { starts, sizes, path, root, classNames } = listing;
  const all = new Int32Array(sizes.length);
  for (let label = 0; label < classNames.length; label++) all.fill(label, starts[label], starts[label + 1]);
  if (!indices) return listedSource({ name, root, classNames, labels: all, sizes, path });
  return listedSource({
    name,
    root,
    classNames,
    labels: indices.map((i) => all[i] as number),
    sizes: Array.from(indices, (i) => sizes[i] as number),
    path: (i) => path(indices[i] as number),
  });
}

/** Names for a sentence: the first few, and how many more. */
export function some(names: readonly string[]): string {
  const first = names.slice(0, 5).join(', ');
  return names.length > 5 ? `${first} and ${names.length - 5} more` : first;
}

/** A part of a data set's folder, absolute. */
export const below = (folder: string, ...parts: readonly string[]): string => join(resolve(folder), ...parts);
