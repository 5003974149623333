import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { isFile, isFolder, notAFolder } from '../../system/archive';
import { UserError } from '../../system/user-error';
import { readBytes, refusal } from '../../weights/refusal';
import { type ImageDataset, imagesInMemory } from '../dataset';
import { type CifarFormat, type CifarKind, type CifarName, cifarKinds, cifarPage } from './kinds';
import { pickledBatch, pickledNames } from './pickled-batch';
import { binaryBatch, type CifarBatch, cifarSize, interleave, pixelBytes } from './records';

type Labels = 'fine' | 'coarse';

interface CifarOptions {
  readonly kind: CifarName;
  /** `coarse`: CIFAR-100's 20 superclasses; default: fine. */
  readonly labels?: Labels;
}

/**
 * Opens CIFAR-10 or CIFAR-100 in `folder` or in its archive's subfolder: 32 x 32 images in memory (180 MB for both
 * splits; while pickles are read, three times as much). Binary files have precedence over pickles; both give the same
 * dataset and fingerprint. The number of images is not checked.
 * @throws UserError for files that are missing, cut off or damaged, naming file and record
 */
export async function openCifar(folder: string, { kind: kindName, labels = 'fine' }: CifarOptions) {
  const kind: CifarKind = cifarKinds[kindName];
  const classes = labels === 'fine' ? kind.classes : kind.coarseClasses;
  if (classes === undefined) throw new RangeError(`${kind.title} has no coarse labels`);
  if (!isFolder(folder)) throw notAFolder(folder);
  const files = findFiles(folder, kind);
  const open = (split: 'train' | 'test') => {
    const names = split === 'train' ? files.format.train : [files.format.test];
    const batches = names.map((name) => readBatch(join(files.folder, name), files.format, kind));
    return dataset(`${kindName}-${split}`, classes, batches, labels);
  };
  return {
    train: open('train'),
    test: open('test'),
    classNames: readNames(files, kind, labels, classes),
    folder: files.folder,
  };
}

/** Whether a folder has at least one file of the dataset. */
export function looksLikeCifar(folder: string, kind: CifarKind): boolean {
  return candidates(folder, kind).some(({ missing, wanted }) => missing.length < wanted.length);
}

function candidates(folder: string, kind: CifarKind) {
  return kind.formats.flatMap((format) =>
    ['', format.folder].map((below) => {
      const at = join(folder, below);
      const wanted = [...format.train, format.test];
      return { folder: at, format, missing: wanted.filter((file) => !isFile(join(at, file))), wanted };
    }),
  );
}

function findFiles(folder: string, kind: CifarKind) {
  const found = candidates(folder, kind);
  const whole = found.find(({ missing }) => missing.length === 0);
  if (whole) return whole;
  const partial = found.find(({ missing, wanted }) => missing.length < wanted.length);
  if (partial) {
    throw new UserError(
      `${partial.folder} lacks ${partial.missing.join(', ')} of ${kind.title}: unpack the archive from ${cifarPage} again.`,
      1,
    );
  }
  const formats = kind.formats.map((format) => `${format.folder} (${format.train[0]}, ...)`).join(' or ');
  throw new UserError(`${folder} has no ${kind.title}: unpack ${formats} from ${cifarPage} there.`, 1);
}

function readBatch(file: string, format: CifarFormat, kind: CifarKind): CifarBatch {
  const refuse = refusal(file, `images of ${kind.title}`);
  const bytes = readBytes(file);
  return format.name === 'binary' ? binaryBatch(bytes, kind, refuse) : pickledBatch(bytes, kind, refuse);
}

function dataset(name: string, classes: number, batches: readonly CifarBatch[], which: Labels): ImageDataset {
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
  return imagesInMemory({ name, classes, size: cifarSize, labels, fingerprint: digest.slice(0, 24) }, images);
}

/** Class names; the class numbers if the file of names is missing. */
function readNames({ folder, format }: ReturnType<typeof findFiles>, kind: CifarKind, which: Labels, classes: number) {
  const file = join(folder, format.names[which] ?? '');
  if (!existsSync(file)) return Array.from({ length: classes }, (_, label) => String(label));
  const refuse = refusal(file, `class names of ${kind.title}`);
  const key = format.nameKeys?.[which];
  const bytes = readBytes(file);
  const names = key === undefined ? bytes.toString('utf8').trim().split(/\s+/) : pickledNames(bytes, key, refuse);
  if (names.length !== classes) throw refuse(`it has ${names.length} names for ${classes} classes`);
  return names;
}
