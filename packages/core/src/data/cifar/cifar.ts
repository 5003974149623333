import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readBytes, refusal } from '../../weights/refusal';
import { type ImageDataset, imagesInMemory } from '../dataset';
import { type CifarFiles, findCifar } from './find-files';
import { type CifarKind, type CifarName, cifarKinds } from './kinds';
import { pickledBatch, pickledNames } from './pickled-batch';
import { binaryBatch, type CifarBatch, cifarSize, interleave, pixelBytes } from './records';

export interface CifarOptions {
  readonly kind: CifarName;
  /** `coarse`: CIFAR-100's 20 superclasses; default: fine. */
  readonly labels?: 'fine' | 'coarse';
}

export interface Cifar {
  readonly train: ImageDataset;
  readonly test: ImageDataset;
  readonly classNames: readonly string[];
  /** The folder of the files. */
  readonly folder: string;
}

/**
 * Opens CIFAR-10 or CIFAR-100: 32 x 32 images in memory (180 MB for both splits; while pickles are read, three times as
 * much). Binary and pickled files give the same dataset and fingerprint. The number of images is not checked.
 * @throws UserError for files that are missing, cut off or damaged, naming file and record
 */
export async function openCifar(folder: string, { kind: kindName, labels = 'fine' }: CifarOptions): Promise<Cifar> {
  const kind: CifarKind = cifarKinds[kindName];
  const classes = labels === 'fine' ? kind.classes : kind.coarseClasses;
  if (classes === undefined) throw new RangeError(`${kind.title} has no coarse labels`);
  const files = findCifar(folder, kind);
  const open = (split: 'train' | 'test') => {
    const names = split === 'train' ? files.format.train : [files.format.test];
    const batches = names.map((name) => readBatch(join(files.folder, name), files, kind));
    return dataset(`${kindName}-${split}`, classes, batches, labels);
  };
  return {
    train: open('train'),
    test: open('test'),
    classNames: readNames(files, kind, labels, classes),
    folder: files.folder,
  };
}

function readBatch(file: string, { format }: CifarFiles, kind: CifarKind): CifarBatch {
  const refuse = refusal(file, `images of ${kind.title}`);
  const bytes = readBytes(file);
  return format.name === 'binary' ? binaryBatch(bytes, kind, refuse) : pickledBatch(bytes, kind, refuse);
}

function dataset(
  name: string,
  classes: number,
  batches: readonly CifarBatch[],
  which: 'fine' | 'coarse',
): ImageDataset {
  const count = batches.reduce((sum, batch) => sum + batch.count, 0);
  const images = new Uint8Array(count * pixelBytes);
  const labels = new Int32Array(count);
  let next = 0;
  for (const batch of batches) {
    for (let i = 0; i < batch.count; i++, next++) {
      interleave(batch.pixels(i), images.subarray(next * pixelBytes, (next + 1) * pixelBytes));
      labels[next] = batch[which](i);
    }
  }
  const digest = createHash('sha256').update(`${name} ${which}\n`).update(labels).update(images).digest('hex');
  return imagesInMemory({ name, classes, size: cifarSize, labels, images, fingerprint: digest.slice(0, 24) });
}

/** Class names; the class numbers if the file of names is missing. */
function readNames({ folder, format }: CifarFiles, kind: CifarKind, which: 'fine' | 'coarse', classes: number) {
  const file = join(folder, format.names[which] ?? '');
  if (!existsSync(file)) return Array.from({ length: classes }, (_, label) => String(label));
  const refuse = refusal(file, `class names of ${kind.title}`);
  const key = format.nameKeys?.[which];
  const names =
    key === undefined
      ? readBytes(file).toString('utf8').trim().split(/\s+/)
      : pickledNames(readBytes(file), key, refuse);
  if (names.length !== classes) throw refuse(`it has ${names.length} names for ${classes} classes`);
  return names;
}
