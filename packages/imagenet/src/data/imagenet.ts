import { dirname, join, resolve } from 'node:path';
import { abbreviate } from '@headshare/core/data/sources/abbreviate';
import { hasAnnotations, listAnnotated } from '@headshare/core/data/sources/annotated-split';
import { classSource, listClasses, type TrainAndTest } from '@headshare/core/data/sources/class-folders';
import type { ClassListing } from '@headshare/core/data/sources/class-listing';
import { type ImageSource, listedSource } from '@headshare/core/data/sources/image-source';
import { type ListOptions, listTree } from '@headshare/core/data/sources/tree-listing';
import { isFolder, notAFolder } from '@headshare/core/system/archive';
import { UserError } from '@headshare/core/system/user-error';
import { readValidationLabels, type ValidationLabels } from './validation-labels';

export const imageNetPage = 'https://www.image-net.org/challenges/LSVRC/2012/';

/** Folders with train/ and val/: the data's folder itself, and those in Kaggle's archive. */
export const imageNetPlaces = ['', 'ILSVRC/Data/CLS-LOC', 'Data/CLS-LOC'];

/**
 * Opens ILSVRC 2012 as it is distributed: `train/<wnid>/*`, and `val/<wnid>/*` or the validation images in one folder
 * with a list of their classes. A label is the usual index of the WordNet id among the sorted ids.
 * @throws UserError for missing or contradictory files
 */
export async function openImageNet(folder: string, options: ListOptions = {}): Promise<TrainAndTest> {
  if (!isFolder(folder)) throw notAFolder(folder);
  const place = imageNetPlaces.find((below) => isFolder(join(folder, below, 'train')));
  if (place === undefined) {
    throw new UserError(
      `${folder} has no ImageNet: it should hold train/<wnid>/*.JPEG and val/<wnid>/*.JPEG (or val/ILSVRC2012_val_*.JPEG), from ${imageNetPage}.`,
      1,
    );
  }
  const data = join(resolve(folder), place);
  if (!isFolder(join(data, 'val'))) throw new UserError(`${data} has a folder train, but no folder val.`, 1);
  const train = await listClasses(data, 'train', options);
  const found = train.labels.length;
  const later = {
    ...options,
    onProgress: options.onProgress && ((images: number) => options.onProgress?.(found + images)),
  };
  const test = await openValidation(folder, data, train, later);
  return { train: classSource('imagenet-train', train), test, notes: train.notes };
}

async function openValidation(
  folder: string,
  data: string,
  train: ClassListing,
  options: ListOptions,
): Promise<ImageSource> {
  if (hasAnnotations(join(data, 'val'))) {
    return classSource('imagenet-val', await listAnnotated(join(data, 'val'), train.classNames, options));
  }
  const tree = await listTree(join(data, 'val'), options);
  const flat = tree.get('');
  if (!flat || flat.folders.length > 0) {
    return classSource('imagenet-val', await listClasses(data, 'val', options, train.classNames));
  }
  const above = data === resolve(folder) ? [dirname(data)] : [folder];
  const classes = labelsOf(flat.images, readValidationLabels(data, above), join(data, 'val'));
  const labelOf = new Map(train.classNames.map((name, label) => [name, label]));
  const other = new Set(classes.filter((name) => !labelOf.has(name)));
  if (other.size > 0) {
    throw new UserError(
      `${data}/val has images of classes without a folder in ${data}/train: ${abbreviate([...other])}.`,
      1,
    );
  }
  return listedSource({
    name: 'imagenet-val',
    root: join(data, 'val'),
    classNames: train.classNames,
    labels: Int32Array.from(classes, (name) => labelOf.get(name) as number),
    stamps: flat.stamps,
    path: (i) => flat.images[i] as string,
  });
}

/** The class of each image. @throws UserError unless images and labels correspond one to one */
function labelsOf(images: readonly string[], labels: ValidationLabels, folder: string): string[] {
  const classes = images.map((name) => {
    const number = /^ILSVRC2012_val_(\d{8})\./.exec(name)?.[1];
    const id = labels.get(Number(number));
    if (id === undefined) throw new UserError(`${folder}/${name} is not a validation image with a label.`, 1);
    return id;
  });
  if (images.length < labels.size) {
    const there = new Set(images.map((name) => Number(name.slice(15, 23))));
    const missing = [...labels.keys()].sort((a, b) => a - b).find((number) => !there.has(number));
    throw new UserError(
      `${folder} has only ${images.length} of the ${labels.size} images with labels; the first missing one is ILSVRC2012_val_${String(missing).padStart(8, '0')}.`,
      1,
    );
  }
  return classes;
}
