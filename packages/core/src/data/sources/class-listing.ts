import { resolve } from 'node:path';
import { UserError } from '../../system/user-error';
import { imageEndings } from './folder-listing';
import { type ImageSource, listedSource } from './image-source';
import { listFile } from './listing-index';
import { type ListOptions, listTree, type TreeListing } from './tree-listing';

/** The images of a folder of class folders, class by class; those of a class sorted by path. */
export interface ClassListing {
  /** Absolute path. */
  readonly root: string;
  /** Names of the class folders, sorted by code units. */
  readonly classNames: readonly string[];
  /** The first image of each class, then the number of all images. */
  readonly starts: Int32Array;
  readonly sizes: Float64Array;
  /** Path of image i below the root. */
  readonly path: (i: number) => string;
}

/**
 * Lists `<dataFolder>/<part>/<class>/**`; images may also lie deeper in their class's folder.
 * @param wanted the class names; default: the names of all folders
 * @throws UserError for classes without images, and for folders that are not in `wanted`
 */
export async function listClasses(
  dataFolder: string,
  part: string,
  { cacheFolder, onProgress }: ListOptions,
  wanted?: readonly string[],
): Promise<ClassListing> {
  const root = resolve(dataFolder, part);
  const tree = await listTree(root, listFile(dataFolder, part, cacheFolder), onProgress);
  const found = tree.get('')?.folders ?? [];
  if (found.length === 0) throw new UserError(`${root} has no class folders.`, 1);
  const classNames = wanted ?? found;
  const other = found.filter((name) => !classNames.includes(name));
  if (other.length > 0) {
    throw new UserError(`${root} has folders that are not classes of the training images: ${abbreviate(other)}.`, 1);
  }
  const missing = classNames.filter((name) => !tree.has(name));
  if (missing.length > 0) throw new UserError(`${root} lacks the folders of the classes ${abbreviate(missing)}.`, 1);
  const classes = classNames.map((name) => imagesBelow(tree, name));
  const empty = classNames.filter((_, label) => classes[label]?.length === 0);
  if (empty.length > 0) {
    throw new UserError(`${root} has classes without images (${imageEndings.join(', ')}): ${abbreviate(empty)}.`, 1);
  }
  const starts = new Int32Array(classes.length + 1);
  for (const [label, images] of classes.entries()) starts[label + 1] = (starts[label] as number) + images.length;
  const all = classes.flat();
  const sizes = Float64Array.from(all, ({ size }) => size);
  return { root, classNames, starts, sizes, path: (i) => all[i]?.path as string };
}

function imagesBelow(tree: TreeListing, path: string): { readonly path: string; readonly size: number }[] {
  const listing = tree.get(path);
  if (!listing) return [];
  const own = listing.images.map((name, i) => ({ path: `${path}/${name}`, size: listing.sizes[i] as number }));
  return [...own, ...listing.folders.flatMap((folder) => imagesBelow(tree, `${path}/${folder}`))];
}

/** The label of each image. */
export function labelsOf({ classNames, starts, sizes }: ClassListing): Int32Array {
  const labels = new Int32Array(sizes.length);
  for (let label = 0; label < classNames.length; label++) labels.fill(label, starts[label], starts[label + 1]);
  return labels;
}

/** @param indices the images to include, in this order; default: all */
export function classSource(name: string, listing: ClassListing, indices?: Int32Array): ImageSource {
  const { sizes, path, root, classNames } = listing;
  const labels = labelsOf(listing);
  if (!indices) return listedSource({ name, root, classNames, labels, sizes, path });
  return listedSource({
    name,
    root,
    classNames,
    labels: indices.map((i) => labels[i] as number),
    sizes: Array.from(indices, (i) => sizes[i] as number),
    path: (i) => path(indices[i] as number),
  });
}

/** Names for a sentence: the first five, and how many more there are. */
export function abbreviate(names: readonly string[]): string {
  const first = names.slice(0, 5).join(', ');
  return names.length > 5 ? `${first} and ${names.length - 5} more` : first;
}
