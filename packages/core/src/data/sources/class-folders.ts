import { statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { stream } from '../../system/random';
import { UserError } from '../../system/user-error';
import { splitIndices } from '../split';
import { abbreviate, type ClassListing, classSource, labelsOf, listClasses } from './class-listing';
import type { ImageSource } from './image-source';
import type { ListOptions } from './tree-listing';

export interface TrainAndTest {
  readonly train: ImageSource;
  readonly test: ImageSource;
}

const testNames = ['val', 'test', 'validation', 'valid'];

/** The share of each class that becomes the test set if there is no folder of test images. */
const testShare = 0.2;

export const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;

/**
 * Opens images in folders by class: `train/<class>/*` and `val/<class>/*` (or test), or `<class>/*` alone, of which a
 * fifth of each class becomes the test set. Class names are sorted by code units.
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

function split(name: string, listing: ClassListing): TrainAndTest {
  const { root, classNames, starts } = listing;
  const single = classNames.filter((_, label) => (starts[label + 1] as number) - (starts[label] as number) < 2);
  if (single.length > 0) {
    throw new UserError(`${root} has classes with one image, which cannot be split: ${abbreviate(single)}.`, 1);
  }
  const images = { name, labels: labelsOf(listing), classes: classNames.length };
  const { train, heldOut } = splitIndices(images, testShare, (label) => stream(0, 'held out', classNames[label] ?? ''));
  return {
    train: classSource(`${name}-train`, listing, train),
    test: classSource(`${name}-test`, listing, heldOut),
  };
}
