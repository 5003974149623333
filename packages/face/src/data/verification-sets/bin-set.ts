import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { checkIndex, type ImageLocation, type ImageSource } from '@headshare/core/data/sources/image-source';
import { UserError } from '@headshare/core/system/user-error';
import { refusal } from '@headshare/core/weights/refusal';
import { readPickledSet } from './pickled-set';
import type { VerificationSet } from './verification-set';

/** The folds of the protocol: the file has its pairs in their order and says nothing of them. */
const folds = 10;

/**
 * A verification set as insightface distributes it (`lfw.bin`): its name is the file's. Images stay in the file; of
 * those, only places are kept.
 * @throws UserError for a file that cannot be read, holds something else, or too few pairs for ten folds
 */
export async function openBinSet(path: string): Promise<VerificationSet> {
  const file = resolve(path);
  const name = basename(file, '.bin');
  const bytes = await readFile(file).catch((error) => {
    throw new UserError(`${file} cannot be read (${(error as NodeJS.ErrnoException).code ?? error}).`, 1);
  });
  const refuse = refusal(file, 'a verification set');
  const { images, same } = readPickledSet(bytes, refuse);
  if (same.length < folds) throw refuse(`it has ${same.length} pairs, fewer than the ${folds} folds of the protocol`);
  for (const [kind, title] of ['different people', 'the same person'].entries()) {
    if (!same.includes(kind)) throw refuse(`none of its pairs is of ${title}`);
  }
  const places = images.map((image): Omit<ImageLocation, 'file'> => {
    const offset = image.byteOffset - bytes.byteOffset;
    const isView = image.buffer === bytes.buffer && offset >= 0 && offset + image.length <= bytes.length;
    return isView ? { offset, length: image.length } : { bytes: Uint8Array.from(image) };
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
      return { file, ...places[index] };
    },
  };
  const left = Int32Array.from(same, (_, pair) => 2 * pair);
  return { name, file, images: source, pairs: { left, right: left.map((image) => image + 1), same, folds } };
}
