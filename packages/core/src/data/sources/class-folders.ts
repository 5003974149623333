import { basename, join, resolve } from 'node:path';
import { isFolder, notAFolder } from '../../system/archive';
import { stream } from '../../system/random';
import { UserError } from '../../system/user-error';
import { splitIndices } from '../split';
import { abbreviate, pictures } from './abbreviate';
import { hasAnnotations, listAnnotated } from './annotated-split';
import type { ClassListing } from './class-listing';
import { type ImageSource, listedSource } from './image-source';
import { findSplits } from './split-layout';
import { endingOf, imageEndings, irregularIn, type ListOptions, listTree, type TreeListing } from './tree-listing';

export interface TrainAndTest {
  readonly train: ImageSource;
  readonly test: ImageSource;
  /** How the test images were chosen, where the data does not say so itself. */
  readonly testNote?: string;
  /** Sentences about what was found, taken and left out. */
  readonly notes?: readonly string[];
}

/** The share of each class that becomes the test set if there is no folder of test images. */
const testShare = 0.2;

/**
 * Opens images in folders by class: `train/<class>/*` and `val/<class>/*`, under these or similar names (`findSplits`), or
 * `<class>/*` alone. Without test images, a fifth of each class becomes the test set.
 * @throws UserError for folders that are missing, empty, or not a class of the training images
 */
export async function openClassFolders(folder: string, options: ListOptions = {}): Promise<TrainAndTest> {
  if (!isFolder(folder)) throw notAFolder(folder);
  const { root, train: part, test: testPart, because, notes } = findSplits(folder);
  const name = basename(resolve(folder));
  const train = await listClasses(root, part, options);
  if (testPart === undefined) {
    const parts = split(name, train);
    return { ...parts, testNote: `a fifth of each class, as ${because}`, notes: [...notes, ...train.notes] };
  }
  const found = train.labels.length;
  const onProgress = options.onProgress && ((images: number) => options.onProgress?.(found + images));
  const test = await listTest(root, testPart, { ...options, onProgress }, train.classNames);
  return {
    train: classSource(`${name}-train`, train),
    test: classSource(`${name}-test`, test),
    notes: [...notes, ...train.notes, ...test.notes],
  };
}

/** Test images in folders by class, or in one folder with a list of their classes. */
function listTest(root: string, part: string, options: ListOptions, classNames: readonly string[]) {
  return hasAnnotations(join(root, part))
    ? listAnnotated(join(root, part), classNames, options)
    : listClasses(root, part, options, classNames);
}

function split(name: string, listing: ClassListing): Pick<TrainAndTest, 'train' | 'test'> {
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
  options: ListOptions,
  wanted?: readonly string[],
): Promise<ClassListing> {
  const root = resolve(dataFolder, part);
  const tree = await listTree(root, options);
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
    stamps: all.map(({ stamp }) => stamp),
    path: (i) => paths[i] as string,
    notes: notesOn(root, part, tree),
  };
}

/** Sentences about pictures in a listing that are not read. */
function notesOn(root: string, part: string, tree: TreeListing): readonly string[] {
  const unread = [...tree.values()].flatMap(({ unread }) => unread.map(endingOf));
  const endings = [...new Set(unread)].map((ending) => `${unread.filter((it) => it === ending).length} ${ending}`);
  const irregular = irregularIn(tree);
  const loose = part === '' ? 0 : (tree.get('')?.images.length ?? 0);
  return [
    ...(loose > 0 ? [`${pictures(loose)} in ${root} itself: of no class, and not read.`] : []),
    ...(endings.length > 0 ? [`Pictures of other formats in ${root} are not read: ${endings.join(', ')}.`] : []),
    ...(irregular.length > 0
      ? [`${pictures(irregular.length)} in ${root} not read, a pipe, socket or device: ${abbreviate(irregular)}.`]
      : []),
  ];
}

function imagesBelow(tree: TreeListing, path: string): { readonly path: string; readonly stamp: string }[] {
  const listing = tree.get(path);
  if (!listing) return [];
  const own = listing.images.map((name, i) => ({ path: `${path}/${name}`, stamp: listing.stamps[i] as string }));
  return [...own, ...listing.folders.flatMap((folder) => imagesBelow(tree, `${path}/${folder}`))];
}

/** @param indices the images to include, in this order; default: all */
export function classSource(name: string, listing: ClassListing, indices?: Int32Array): ImageSource {
  const { labels, stamps, path } = listing;
  if (!indices) return listedSource({ ...listing, name });
  return listedSource({
    ...listing,
    name,
    labels: indices.map((i) => labels[i] as number),
    stamps: Array.from(indices, (i) => stamps[i] as string),
    path: (i) => path(indices[i] as number),
  });
}
