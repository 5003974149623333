import { createHash } from 'node:crypto';
import { checkIndex, type ImageDataset } from './dataset';

/** The images `indices` of a dataset as a dataset; image i is image `indices[i]` of the whole. `close` closes the whole. */
export function subset(whole: ImageDataset, name: string, indices: Int32Array): ImageDataset {
  const sha = createHash('sha256').update(`${whole.fingerprint}\n`).update(indices);
  const labels = Int32Array.from(indices, (index) => whole.labels[index] as number);
  const indexOf = (i: number): number => {
    checkIndex({ name, labels }, i);
    return indices[i] as number;
  };
  const { augmentation } = whole;
  const mirrors = augmentation?.mirrors;
  return {
    ...whole,
    ...(mirrors && { augmentation: { ...augmentation, mirrors: (i, key) => mirrors(indexOf(i), key) } }),
    name,
    labels,
    fingerprint: sha.digest('hex').slice(0, 24),
    read: async (wanted, target, key) => whole.read(Int32Array.from(wanted, indexOf), target, key),
  };
}
