import { createHash } from 'node:crypto';
import type { ImageDataset } from './dataset';

/** The images `indices` of a dataset as a dataset; image i is image `indices[i]` of the whole. `close` closes the whole. */
export function subset(whole: ImageDataset, name: string, indices: Int32Array): ImageDataset {
  const sha = createHash('sha256').update(`${whole.fingerprint}\n`).update(indices);
  const indexOf = (i: number): number => {
    const index = indices[i];
    if (index !== undefined) return index;
    throw new RangeError(`${name} has no image ${i}: indices run from 0 to ${indices.length - 1}`);
  };
  const { augmentation } = whole;
  const mirrors = augmentation?.mirrors;
  return {
    ...whole,
    ...(mirrors && { augmentation: { ...augmentation, mirrors: (i, key) => mirrors(indexOf(i), key) } }),
    name,
    labels: Int32Array.from(indices, (index) => whole.labels[index] as number),
    fingerprint: sha.digest('hex').slice(0, 24),
    read: async (wanted, target, key) => whole.read(Int32Array.from(wanted, indexOf), target, key),
  };
}
