import { join, resolve } from 'node:path';
import { abbreviate } from '@headshare/core/data/sources/abbreviate';
import type { TrainAndTest } from '@headshare/core/data/sources/class-folders';
import { type ImageSource, listedSource } from '@headshare/core/data/sources/image-source';
import { type ListOptions, listTree } from '@headshare/core/data/sources/tree-listing';
import { isFile, isFolder, notAFolder } from '@headshare/core/system/archive';
import { nameOf } from '@headshare/core/system/file-name';
import { UserError } from '@headshare/core/system/user-error';
import { readBytes } from '@headshare/core/weights/refusal';
import { type CubEntry, type CubTables, joinTables } from './cub200-tables';

export const cub200Page = 'https://www.vision.caltech.edu/datasets/cub_200_2011/';

export interface Cub200Options extends ListOptions {
  /** Whether images are cropped to the boxes of bounding_boxes.txt (`if-boxes`: if that file exists); default false. */
  readonly crop?: boolean | 'if-boxes';
}

/**
 * Opens Caltech-UCSD Birds 200, 2011 (Wah et al.), unpacked in `folder` or in its subfolder CUB_200_2011. Classes and
 * images are in the order of their ids; parts and attributes are not read.
 * @throws UserError for missing files and contradictory lines
 */
export async function openCub200(folder: string, options: Cub200Options = {}): Promise<TrainAndTest> {
  if (!isFolder(folder)) throw notAFolder(folder);
  const root = ['', 'CUB_200_2011'].map((at) => resolve(folder, at)).find((at) => isFile(join(at, 'images.txt')));
  if (root === undefined) {
    throw new UserError(
      `${resolve(folder)} has no CUB-200-2011: unpack CUB_200_2011.tgz from ${cub200Page} there (images.txt, images/, ...).`,
      1,
    );
  }
  const crop = options.crop === 'if-boxes' ? isFile(join(root, 'bounding_boxes.txt')) : options.crop === true;
  const tables: CubTables = {
    images: read(root, 'images.txt'),
    labels: read(root, 'image_class_labels.txt'),
    split: read(root, 'train_test_split.txt'),
    classes: read(root, 'classes.txt'),
    boxes: crop ? read(root, 'bounding_boxes.txt') : undefined,
  };
  const { classNames, entries } = joinTables(tables, root);
  const images = join(root, 'images');
  if (!isFolder(images)) throw new UserError(`${root} has no folder images.`, 1);
  const tree = await listTree(images, options);
  const stamps = new Map<string, string>();
  for (const { path, images: names, stamps: own } of tree.values()) {
    for (const [i, name] of names.entries()) stamps.set(path === '' ? name : `${path}/${name}`, own[i] as string);
  }
  const missing = entries.filter(({ path }) => !stamps.has(path)).map(({ path }) => path);
  if (missing.length > 0) {
    throw new UserError(`${images} lacks ${missing.length} of the images of images.txt: ${abbreviate(missing)}.`, 1);
  }
  const source = (name: string, part: readonly CubEntry[]): ImageSource =>
    listedSource({
      name,
      root: images,
      classNames,
      labels: Int32Array.from(part, ({ label }) => label),
      stamps: part.map(({ path }) => stamps.get(path) as string),
      path: (i) => (part[i] as CubEntry).path,
      box: crop ? (i) => (part[i] as CubEntry).box ?? [0, 0, 1, 1] : undefined,
    });
  return {
    train: source(
      'cub200-train',
      entries.filter(({ train }) => train),
    ),
    test: source(
      'cub200-test',
      entries.filter(({ train }) => !train),
    ),
  };
}

function read(root: string, file: string): string {
  const path = join(root, file);
  if (!isFile(path)) throw new UserError(`${root} lacks ${file}: unpack CUB_200_2011.tgz from ${cub200Page} again.`, 1);
  return nameOf(readBytes(path));
}
