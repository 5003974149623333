import { type Augmentation, type ImageDataset, imageBytes } from '../dataset';
import { augmented } from './augmented';
import { augmentedCopies, readCopy, repeatOf } from './augmented-copies';
import { type Batch, batches } from './batches';

const size = 4;
const bytes = imageBytes({ size });

/** The bytes of image i are i, i + 7, i + 14, ... */
const dataset: ImageDataset = {
  name: 'ramps',
  classes: 1,
  size,
  labels: new Int32Array(12),
  fingerprint: 'ramps',
  async read(indices, target) {
    for (let i = 0; i < indices.length; i++) {
      for (let k = 0; k < bytes; k++) target[i * bytes + k] = (indices[i] as number) + 7 * k;
    }
  },
  close: async () => undefined,
};
const flipped = augmented(dataset, { flip: true });
const cropped = augmented(dataset, { flip: true, crop: { pad: 1 } });

const augmenting = (mirrors?: Augmentation['mirrors']): ImageDataset => ({
  ...dataset,
  augmentation: { settings: '', ...(mirrors && { mirrors }) },
});

async function collect(epoch: AsyncIterable<Batch>): Promise<Batch[]> {
  const all: Batch[] = [];
  for await (const batch of epoch) all.push(batch);
  return all;
}

test('the number of copies is finite without augmentation, with only flips, or if copies repeat', () => {
  expect(augmentedCopies(dataset, 0)).toEqual({ kind: 'as-is', count: 1 });
  expect(augmentedCopies(dataset, 5)).toEqual({ kind: 'as-is', count: 1 });
  expect(augmentedCopies(flipped, 0)).toEqual({ kind: 'mirrored', count: 2 });
  expect(augmentedCopies(flipped, 3)).toEqual({ kind: 'drawn', count: 3 });
  expect(augmentedCopies(cropped, 0)).toBeUndefined();
  expect(augmentedCopies(cropped, 3)).toEqual({ kind: 'drawn', count: 3 });
});

test('a dataset with its own augmentation has endless copies unless it only mirrors', () => {
  expect(augmentedCopies(augmenting(), 0)).toBeUndefined();
  expect(augmentedCopies(augmenting(), 2)).toEqual({ kind: 'drawn', count: 2 });
  expect(
    augmentedCopies(
      augmenting(() => true),
      0,
    ),
  ).toEqual({ kind: 'mirrored', count: 2 });
});

const cases = [
  ['as-is', dataset, 0],
  ['mirrored', flipped, 0],
  ['drawn', cropped, 3],
] as const;

test.each(cases)(
  'each training image equals the copy whose number its batch contains: %s',
  async (_, source, repeat) => {
    const copies = augmentedCopies(source, repeat);
    if (!copies) throw new Error('endless copies');
    const known = new Map<string, Uint8Array>();
    for (let copy = 0; copy < copies.count; copy++) {
      for (const { images, indices, count } of await collect(readCopy(source, copies, copy, { batchSize: 5 }))) {
        for (let i = 0; i < count; i++) known.set(`${indices[i]} ${copy}`, images.slice(i * bytes, (i + 1) * bytes));
      }
    }
    expect(known.size).toBe(12 * copies.count);
    const numbers = new Set<number>();
    for (let epoch = 0; epoch < 7; epoch++) {
      const options = { batchSize: 4, seed: 5, epoch, shuffle: true, augment: true, repeat: repeatOf(copies) };
      for (const batch of await collect(batches(source, { ...options, lastBatch: 'drop' }))) {
        for (const [i, index] of batch.indices.entries()) {
          const copy = batch.copies[i] as number;
          numbers.add(copy);
          expect(batch.images.slice(i * bytes, (i + 1) * bytes)).toEqual(known.get(`${index} ${copy}`));
        }
      }
    }
    expect(numbers.size).toBe(copies.count);
  },
);

test('a dataset that mirrors reports which images it mirrors; its mirrored copies are mirrored evaluation images', async () => {
  const mirroring = augmenting((index, { epoch }) => (index + epoch) % 2 === 1);
  const options = { batchSize: 4, seed: 1, epoch: 3, augment: true, lastBatch: 'drop' } as const;
  const [batch] = await collect(batches(mirroring, options));
  expect(Array.from(batch?.copies ?? [])).toEqual([1, 0, 1, 0]);
  const [mirrored] = await collect(readCopy(mirroring, { kind: 'mirrored', count: 2 }, 1, { batchSize: 1 }));
  expect(Array.from(mirrored?.images.subarray(0, 3) ?? [])).toEqual([63, 70, 77]);
});

test('copies that repeat are the same for every seed; the order of images is not', async () => {
  const epoch = async (seed: number, number: number) => {
    const options = { batchSize: 12, seed, epoch: number, shuffle: true, augment: true, repeat: 2 };
    const [batch] = await collect(batches(cropped, { ...options, lastBatch: 'drop' }));
    const { images = new Uint8Array(), indices = new Int32Array() } = batch ?? {};
    return {
      order: Array.from(indices),
      byImage: new Map(Array.from(indices, (index, i) => [index, images.slice(i * bytes, (i + 1) * bytes).join()])),
    };
  };
  const [one, other, third] = [await epoch(1, 0), await epoch(2, 2), await epoch(1, 1)];
  expect(one.order).not.toEqual(other.order);
  for (const [index, image] of one.byImage) expect(other.byImage.get(index)).toBe(image);
  expect([...one.byImage].filter(([index, image]) => third.byImage.get(index) === image).length).toBeLessThan(12);
});

test('embeddings are read with the images, in the order of the batch', async () => {
  const embeddings = async (indices: Int32Array, copies: Int32Array) =>
    Float32Array.from(indices, (index, i) => index * 10 + (copies[i] as number));
  const options = { batchSize: 4, seed: 1, epoch: 0, shuffle: true, augment: true, embeddings } as const;
  for (const batch of await collect(batches(flipped, { ...options, lastBatch: 'drop' }))) {
    expect(batch.embeddings).toEqual(await embeddings(batch.indices, batch.copies));
  }
});
