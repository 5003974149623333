import { createHash } from 'node:crypto';
import { type RandomStream, stream } from '../system/random';
import { UserError } from '../system/user-error';
import { checkIndex, type ImageDataset } from './dataset';

// Not the training's seed: all runs hold out the same images, so that their metrics are comparable.
const seed = 2022;

/**
 * Holds the same share (0 to 1) of every class out: at least one image, and never all of them. Indices are ascending.
 * @param randomOf the random numbers that choose the images of a class; default: the same for every run
 * @throws UserError if no class has two images
 */
export function splitIndices(
  { name, labels, classes }: { readonly name: string; readonly labels: Int32Array; readonly classes: number },
  share: number,
  randomOf: (label: number) => RandomStream = (label) => stream(seed, 'hold out', label),
) {
  const isHeldOut = new Uint8Array(labels.length);
  for (const [label, indices] of indicesByClass(labels, classes).entries()) {
    const count = Math.min(indices.length - 1, Math.max(1, Math.round(indices.length * share)));
    const order = randomOf(label).shuffle(indices);
    for (const index of order.slice(0, Math.max(0, count))) isHeldOut[index] = 1;
  }
  const all = Int32Array.from(labels, (_, index) => index);
  const heldOut = all.filter((index) => isHeldOut[index] === 1);
  if (heldOut.length === 0) {
    throw new UserError(
      `Cannot hold out images of ${name}: no class has two images. Use --select-on=last, which needs no held-out images.`,
    );
  }
  return { train: all.filter((index) => isHeldOut[index] === 0), heldOut };
}

/** The indices, ascending, of the same share (above 0, to 1) of every class, at least one image; the same for every run. */
export function shareOf({ labels, classes }: { readonly labels: Int32Array; readonly classes: number }, share: number) {
  if (share === 1) return Int32Array.from(labels, (_, index) => index);
  const chosen = indicesByClass(labels, classes).flatMap((indices, label) => {
    const order = stream(seed, 'use', label).shuffle(indices);
    return order.slice(0, Math.max(1, Math.round(indices.length * share)));
  });
  return Int32Array.from(chosen).sort();
}

function indicesByClass(labels: Int32Array, classes: number): readonly (readonly number[])[] {
  const byClass = Array.from({ length: classes }, (): number[] => []);
  for (const [index, label] of labels.entries()) byClass[label]?.push(index);
  return byClass;
}

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
  const { isLeftOut } = whole;
  return {
    ...whole,
    ...(isLeftOut && { isLeftOut: (i: number) => isLeftOut(indexOf(i)) }),
    ...(mirrors && { augmentation: { ...augmentation, mirrors: (i, key) => mirrors(indexOf(i), key) } }),
    name,
    labels,
    fingerprint: sha.digest('hex').slice(0, 24),
    read: async (wanted, target, key) => whole.read(Int32Array.from(wanted, indexOf), target, key),
  };
}
