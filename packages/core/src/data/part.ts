import { createHash } from 'node:crypto';
import type { ImageDataset } from './dataset';
import type { ImageSource } from './image-source';

/**
 * Some images of a data set as one of its own: image i is `indices[i]` of the whole. Closing it closes the whole.
 * Encoded images are better parted before they are decoded (`partOfSource`): a damaged image's stand-in is then of its part.
 */
export function partOf(whole: ImageDataset, name: string, indices: Int32Array): ImageDataset {
  return {
    ...whole,
    ...part(whole, name, indices),
    read: (wanted, target, view) =>
      whole.read(
        Int32Array.from(wanted, (i) => at(indices, i, name)),
        target,
        view,
      ),
  };
}

/** Some images of a source as one of its own: image i is `indices[i]` of the whole. */
export function partOfSource(whole: ImageSource, name: string, indices: Int32Array): ImageSource {
  return {
    ...whole,
    ...part(whole, name, indices),
    locate: (index) => whole.locate(at(indices, index, name)),
  };
}

function part(
  whole: { readonly labels: Int32Array; readonly fingerprint: string },
  name: string,
  indices: Int32Array,
): { readonly name: string; readonly labels: Int32Array; readonly fingerprint: string } {
  const sha = createHash('sha256').update(`${whole.fingerprint}\n`).update(indices);
  return {
    name,
    labels: Int32Array.from(indices, (index) => whole.labels[index] as number),
    fingerprint: sha.digest('hex').slice(0, 24),
  };
}

function at(indices: Int32Array, i: number, name: string): number {
  const index = indices[i];
  if (index === undefined)
    throw new RangeError(`${name} has no image ${i}: indices run from 0 to ${indices.length - 1}`);
  return index;
}
