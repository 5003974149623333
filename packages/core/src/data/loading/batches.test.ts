import fc from 'fast-check';
import type { ImageDataset } from '../dataset';
import { augmented } from './augmented';
import { type Batch, type BatchOptions, batchCount, batches } from './batches';

/** Images of 2 x 2; every byte of image i is i + 1. `reads` collects the indices of each read. */
function numbers(count: number, reads: number[][] = []): ImageDataset {
  return {
    name: 'numbers',
    classes: 10,
    size: 2,
    labels: Int32Array.from({ length: count }, (_, i) => i % 10),
    fingerprint: 'numbers',
    read: async (indices, target) => {
      reads.push(Array.from(indices));
      for (let i = 0; i < indices.length; i++) target.fill((indices[i] as number) + 1, i * 12, (i + 1) * 12);
    },
    close: async () => undefined,
  };
}

const plain: BatchOptions = { batchSize: 4, seed: 1, epoch: 0, lastBatch: 'pad' };

async function all(dataset: ImageDataset, options: BatchOptions): Promise<Batch[]> {
  const found: Batch[] = [];
  for await (const batch of batches(dataset, options)) found.push(batch);
  return found;
}

test('without shuffling images come in order; the last batch is padded with black images', async () => {
  const [first, last] = await all(numbers(6), plain);
  expect(first).toMatchObject({ count: 4, indices: Int32Array.of(0, 1, 2, 3), labels: Int32Array.of(0, 1, 2, 3) });
  expect(last).toMatchObject({ count: 2, indices: Int32Array.of(4, 5, -1, -1), labels: Int32Array.of(4, 5, 0, 0) });
  expect(Array.from((last as Batch).images)).toEqual([
    ...Array(12).fill(5),
    ...Array(12).fill(6),
    ...Array(24).fill(0),
  ]);
});

test('the option `drop` drops an incomplete last batch', async () => {
  expect(await all(numbers(6), { ...plain, lastBatch: 'drop' })).toHaveLength(1);
  expect(batchCount(6, { batchSize: 4, lastBatch: 'drop' })).toBe(1);
  expect(batchCount(6, plain)).toBe(2);
});

test('a shuffled epoch has every image once, in an order that depends on seed and epoch', async () => {
  const order = async (seed: number, epoch: number) =>
    (await all(numbers(30), { ...plain, shuffle: true, seed, epoch })).flatMap(({ indices, count }) =>
      Array.from(indices.subarray(0, count)),
    );
  const first = await order(1, 0);
  expect([...first].sort((a, b) => a - b)).toEqual(Array.from({ length: 30 }, (_, i) => i));
  expect(await order(1, 0)).toEqual(first);
  expect(await order(1, 1)).not.toEqual(first);
  expect(await order(2, 0)).not.toEqual(first);
});

test('an epoch from batch k on is the tail of the whole epoch, augmentation included', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(12), fc.integer({ min: 1, max: 7 }), fc.boolean(), async (from, batchSize, shuffle) => {
      const dataset = augmented(numbers(20), { flip: true, crop: { pad: 1 } });
      const options: BatchOptions = { ...plain, batchSize, shuffle, augment: true };
      const whole = await all(dataset, options);
      expect(await all(dataset, { ...options, from })).toEqual(whole.slice(from));
    }),
    { numRuns: 30 },
  );
});

test('the augmentation of an image does not depend on its batch, and changes in the next epoch', async () => {
  const augmentedImages = async (batchSize: number, epoch: number) => {
    const images = new Map<number, string>();
    const dataset = augmented(numbers(40), { crop: { pad: 1 } });
    for (const batch of await all(dataset, { ...plain, batchSize, epoch, augment: true })) {
      for (let i = 0; i < batch.count; i++)
        images.set(batch.indices[i] as number, batch.images.subarray(i * 12, i * 12 + 12).join());
    }
    return images;
  };
  expect(await augmentedImages(7, 0)).toEqual(await augmentedImages(4, 0));
  expect(await augmentedImages(4, 1)).not.toEqual(await augmentedImages(4, 0));
});

test('reads at most `prefetch` batches ahead of the consumer', async () => {
  const reads: number[][] = [];
  const epoch = batches(numbers(100, reads), { ...plain, prefetch: 3 });
  await epoch.next();
  expect(reads).toHaveLength(4);
  await epoch.next();
  expect(reads).toHaveLength(5);
  await epoch.return();
});

test('only the images of a subset are read', async () => {
  const found = await all(numbers(50), { ...plain, subset: [40, 3, 7] });
  expect(found.map(({ indices }) => Array.from(indices))).toEqual([[40, 3, 7, -1]]);
});

test('a reading error is thrown at its batch', async () => {
  const dataset = numbers(12);
  const broken: ImageDataset = {
    ...dataset,
    read: async (indices, target) => {
      if (indices[0] === 4) throw new Error('cannot read image 4');
      return dataset.read(indices, target);
    },
  };
  const epoch = batches(broken, plain);
  expect((await epoch.next()).done).toBe(false);
  await expect(epoch.next()).rejects.toThrow('cannot read image 4');
});

test('only an augmented epoch passes a key to the dataset, and images are in shared memory', async () => {
  const keys: unknown[] = [];
  const recording: ImageDataset = {
    ...numbers(4),
    read: async (_, target, key) => {
      keys.push(key);
      target[0] = 9;
    },
  };
  const [batch] = await all(recording, { ...plain, seed: 5, epoch: 3, augment: true });
  await all(recording, plain);
  expect(keys).toEqual([{ seed: 5, epoch: 3 }, undefined]);
  expect(batch?.images[0]).toBe(9);
  expect(batch?.images.buffer).toBeInstanceOf(SharedArrayBuffer);
});

test('the waiting time and the total time are measured', async () => {
  const waiting = { waited: 0, total: 0 };
  const slow: ImageDataset = { ...numbers(8), read: () => new Promise((resolve) => setTimeout(resolve, 20)) };
  await all(slow, { ...plain, waiting });
  expect(waiting.waited).toBeGreaterThan(0);
  expect(waiting.total).toBeGreaterThanOrEqual(waiting.waited);
});
