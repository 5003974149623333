import { createHash } from 'node:crypto';
import { basename, resolve } from 'node:path';
import { checkIndex } from '@headshare/core/data/dataset';
import type { ImageLocation, ImageSource } from '@headshare/core/data/sources/image-source';
import { readBytes, refusal } from '@headshare/core/weights/refusal';
import { readPickledSet } from './pickled-set';
import type { VerificationSet } from './verification-set';

/** The folds of the protocol; the file only holds pairs in their order. */
const folds = 10;

/**
 * Opens a verification set as insightface distributes it (`lfw.bin`), named after its file. Images stay in the file; only
 * their positions are kept in memory.
 * @throws UserError for a file that cannot be read, has other content, or too few pairs for ten folds
 */
export function openBinSet(path: string): VerificationSet {
  const file = resolve(path);
  const name = basename(file, '.bin');
  const bytes = readBytes(file);
  const refuse = refusal(file, 'a verification set');
  const { images, same } = readPickledSet(bytes, refuse);
  if (same.length < folds) throw refuse(`it has ${same.length} pairs, fewer than the ${folds} folds of the protocol`);
  for (const [kind, title] of ['different people', 'the same person'].entries()) {
    if (!same.includes(kind)) throw refuse(`none of its pairs is of ${title}`);
  }
  const locations = images.map((image): Omit<ImageLocation, 'file'> => {
    const offset = image.byteOffset - bytes.byteOffset;
    const isInFile = image.buffer === bytes.buffer && offset >= 0 && offset + image.length <= bytes.length;
    return isInFile ? { offset, length: image.length } : { bytes: Uint8Array.from(image) };
  });
  const labels = new Int32Array(images.length);
  const source: ImageSource = {
    name,
    classes: 1,
    classNames: ['face'],
    labels,
    fingerprint: createHash('sha256').update(bytes).digest('hex').slice(0, 24),
    locate: (index) => {
      checkIndex({ name, labels }, index);
      return { file, ...locations[index] };
    },
  };
  const left = Int32Array.from(same, (_, pair) => 2 * pair);
  return { name, file, images: source, pairs: { left, right: left.map((image) => image + 1), same, folds } };
}
