import { statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { stream } from '../../system/random';
import { UserError } from '../../system/user-error';
import { splitIndices } from '../split';
import { type ImageSource, listedSource, type SourceList } from './image-source';
import { imageEndings, type ListOptions, listFile, listTree, type TreeListing } from './tree-listing';

/** The images of a folder of class folders, class by class and sorted by path; class names sorted by code units. */
export type ClassListing = Omit<SourceList, 'name' | 'box'>;

export interface TrainAndTest {
  readonly train: ImageSource;
  readonly test: ImageSource;
  /** How the test images were chosen, where the data does not say so itself. */
  readonly testNote?: string;
}

const testNames = ['val', 'test', 'validation', 'valid'];

/** The share of each class that becomes the test set if there is no folder of test images. */
const testShare = 0.2;

/**
 * Opens images in folders by class: `train/<class>/*` and `val/<class>/*` (or test), or `<class>/*` alone, of which a
 * fifth of each class becomes the test set.
 * @throws UserError for folders that are missing, empty, or not a class of the training images
 */
export async function openClassFolders(folder: string, options: ListOptions = {}): Promise<TrainAndTest> {
  if (!isFolder(folder)) {
    throw new UserError(`${folder} is not a folder: it should hold train/<class>/ and val/<class>/.`, 1);
  }
  const name = basename(resolve(folder));
  if (!isFolder(join(folder, 'train'))) return split(name, await listClasses(folder, '', options));
  const testName = testNames.find((it) => isFolder(join(folder, it)));
  if (testName === undefined) {
    throw new UserError(`${folder} has a folder train, but no folder of test images: ${testNames.join(', ')}.`, 1);
  }
  const train = await listClasses(folder, 'train', options);
  const found = train.sizes.length;
  const onProgress = options.onProgress && ((images: number) => options.onProgress?.(found + images));
  const test = await listClasses(folder, testName, { ...options, onProgress }, train.classNames);
  return { train: classSource(`${name}-train`, train), test: classSource(`${name}-test`, test) };
}

export const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;

function split(name: string, listing: ClassListing): TrainAndTest {
  const { root, classNames, labels } = listing;
  const counts = new Int32Array(classNames.length);
  for (const label of labels) counts[label] = (counts[label] as number) + 1;
  const single = classNames.filter((_, label) => counts[label] === 1);
  if (single.length > 0) {
    throw new UserError(`${root} has classes with one image, which cannot be split: ${abbreviate(single)}.`, 1);
  }
  const images = { name, labels, classes: classNames.length };
  const { train, heldOut } = splitIndices(images, testShare, (label) => stream(0, 'held out', classNames[label] ?? ''));
  return {
    train: classSource(`${name}-train`, listing, train),
    test: classSource(`${name}-test`, listing, heldOut),
    testNote: 'a fifth of each class, as there is no folder train',
  };
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
  const labels = Int32Array.from(classes.flatMap((images, label) => images.map(() => label)));
  const all = classes.flat();
  const paths = all.map(({ path }) => path);
  return {
    root,
    classNames,
    labels,
    sizes: Float64Array.from(all, ({ size }) => size),
    path: (i) => paths[i] as string,
  };
}

function imagesBelow(tree: TreeListing, path: string): { readonly path: string; readonly size: number }[] {
  const listing = tree.get(path);
  if (!listing) return [];
  const own = listing.images.map((name, i) => ({ path: `${path}/${name}`, size: listing.sizes[i] as number }));
  return [...own, ...listing.folders.flatMap((folder) => imagesBelow(tree, `${path}/${folder}`))];
}

/** @param indices the images to include, in this order; default: all */
export function classSource(name: string, listing: ClassListing, indices?: Int32Array): ImageSource {
  const { labels, sizes, path } = listing;
  if (!indices) return listedSource({ ...listing, name });
  return listedSource({
    ...listing,
    name,
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
