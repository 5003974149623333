import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { folderOfFixtures } from '../../../test/image-folder';
import { batches } from '../loading/batches';
import { type UnreadablePolicy, unreadableImages } from '../unreadable-images';
import { type PipelineOptions, pipelineDataset } from './pipeline-dataset';
import type { TrainTransform } from './transforms';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pipeline-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const size = 16;
const everything: TrainTransform = {
  randAugment: {},
  colorJitter: { brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1 },
  erasing: { fill: 'random' },
};
const options = (more: Partial<PipelineOptions> = {}): PipelineOptions => ({
  size,
  train: everything,
  test: { resize: 20 },
  threads: 1,
  ...more,
});

/** Any share of the training images may be unreadable. */
const lenient = { unreadableShare: 1 } as const;

/** The images of an epoch by index, and the unreadable ones. */
async function epochOf(
  source: ReturnType<typeof folderOfFixtures>,
  { policy = lenient, ...more }: Partial<PipelineOptions> & { readonly policy?: UnreadablePolicy } = {},
  { batchSize = 5, epoch = 0, augment = true } = {},
) {
  const unreadable = unreadableImages(source, policy);
  const found: number[] = [];
  unreadable.follow(({ index }) => found.push(index));
  const dataset = pipelineDataset(source, options({ unreadable, ...more }));
  const images = new Map<number, string>();
  try {
    const order = {
      batchSize,
      seed: 7,
      epoch,
      shuffle: true,
      lastBatch: 'pad',
      augment,
    } as const;
    for await (const batch of batches(dataset, order)) {
      expect(batch.images.buffer).toBeInstanceOf(SharedArrayBuffer);
      for (let i = 0; i < batch.count; i++) {
        const index = batch.indices[i] as number;
        expect(batch.labels[i]).toBe(index % 2);
        images.set(index, batch.images.subarray(i * size * size * 3, (i + 1) * size * size * 3).join());
      }
    }
    return { images, found: found.sort(), counts: unreadable.counts() };
  } finally {
    await dataset.close();
  }
}

test('an image does not depend on threads, batch and decoder, and changes in the next epoch', async () => {
  const source = folderOfFixtures(folder, 21);
  const one = await epochOf(source);
  expect(one.images.size).toBe(21);
  expect(await epochOf(source, { threads: 2 }, { batchSize: 4 })).toEqual(one);
  expect(await epochOf(source, { threads: 3 }, { batchSize: 21 })).toEqual(one);
  expect(await epochOf(source, { threads: 2, native: false })).toEqual(one);
  const next = await epochOf(source, { threads: 2 }, { epoch: 1 });
  for (const [index, pixels] of one.images) expect(next.images.get(index)).not.toBe(pixels);
});

test('evaluation images are the same in every epoch', async () => {
  const source = folderOfFixtures(folder, 8);
  const first = await epochOf(source, {}, { augment: false });
  expect(await epochOf(source, {}, { augment: false, epoch: 3 })).toEqual(first);
  expect(first.images.get(0)).toBe(first.images.get(7));
});

test('the next image of its class replaces a damaged image, which is reported once', async () => {
  const source = folderOfFixtures(folder, 8);
  const whole = await epochOf(source, {}, { augment: false });
  const broken = source.locate(2).file;
  writeFileSync(broken, readFileSync(broken).subarray(0, statSync(broken).size / 2));
  writeFileSync(source.locate(4).file, 'no picture');
  const epoch = await epochOf(source, { threads: 2 }, { augment: false, batchSize: 3 });
  expect(epoch.found).toEqual([2, 4]);
  expect(epoch.counts).toEqual([
    { name: 'fixtures', use: 'training', count: 2, of: 8, first: [expect.stringContaining(broken), expect.anything()] },
  ]);
  const { images } = epoch;
  expect([images.get(2), images.get(4)]).toEqual([whole.images.get(6), whole.images.get(6)]);
  for (const index of [0, 1, 3, 5, 6, 7]) expect(images.get(index)).toBe(whole.images.get(index));
});

test('images that are evaluated on are never replaced, nor put in the place of training images', async () => {
  const source = folderOfFixtures(folder, 8);
  const { images: whole } = await epochOf(source, {}, { augment: false });
  for (const index of [0, 2]) writeFileSync(source.locate(index).file, 'no picture');
  const read = async (heldOut: number[]) => {
    const policy = { ...lenient, unreadable: 'skip', evaluated: { use: 'held-out', indices: heldOut } } as const;
    const { images, counts } = await epochOf(source, { policy, threads: 2 }, { augment: false });
    return { images: [images.get(0), images.get(2)], counts: counts.map(({ use, count, of }) => [use, count, of]) };
  };
  const black = new Uint8Array(size * size * 3).join();
  expect(await read([])).toEqual({ images: [whole.get(4), whole.get(4)], counts: [['training', 2, 8]] });
  expect(await read([4])).toEqual({ images: [whole.get(6), whole.get(6)], counts: [['training', 2, 7]] });
  expect(await read([2, 6])).toEqual({
    images: [whole.get(4), black],
    counts: [
      ['training', 1, 6],
      ['held-out', 1, 2],
    ],
  });
  await expect(read([4, 6])).rejects.toThrow('None of the training images of class 0 of fixtures can be read.');
});

test('an unreadable image that is evaluated on is an error with its file, unless such images are left out', async () => {
  const source = folderOfFixtures(folder, 4);
  const { file } = source.locate(1);
  writeFileSync(file, 'no picture');
  const policy = { evaluated: { use: 'test', indices: 'all' } } as const;
  await expect(epochOf(source, { policy }, { augment: false })).rejects.toThrow(
    `${file}, a test image of fixtures, cannot be read: Input buffer contains unsupported image format.`,
  );
});

test('more unreadable training images than allowed are an error with the first of them', async () => {
  const source = folderOfFixtures(folder, 40);
  for (const index of [3, 8, 20]) writeFileSync(source.locate(index).file, 'no picture');
  expect((await epochOf(source, { policy: { unreadableShare: 3 / 40 } })).found).toEqual([20, 3, 8]);
  await expect(epochOf(source, { policy: { unreadableShare: 0.06 }, threads: 2 })).rejects.toThrow(
    /^3 of the 40 training images of fixtures cannot be read, more than --unreadable-share=0.06 allows: .*3-/,
  );
  await expect(epochOf(source, { policy: {} })).rejects.toThrow('--unreadable-share=0.01');
});

test('what an earlier process found is remembered: neither read again, nor counted twice, nor reported again', async () => {
  const source = folderOfFixtures(folder, 8);
  writeFileSync(source.locate(2).file, 'no picture');
  const first = await epochOf(source);
  const unreadable = unreadableImages(source, lenient);
  const known = { index: 2, place: source.locate(2).file, reason: 'as before' };
  unreadable.restore([known, known, { index: 3, place: 'elsewhere', reason: 'of other data' }]);
  const found: number[] = [];
  unreadable.follow(({ index }) => found.push(index));
  const again = await epochOf(source, { unreadable });
  expect(again.images).toEqual(first.images);
  expect(found).toEqual([]);
  expect(unreadable.list()).toEqual([known]);
  expect(() => unreadableImages(source, { unreadableShare: 0.1 }).restore([known])).toThrow(
    '1 of the 8 training images',
  );
});

test('a box without area within its image is an error, whatever may be left out', async () => {
  const source = folderOfFixtures(folder, 4);
  const locate = (index: number) => ({
    ...source.locate(index),
    ...(index === 1 && { box: [200, 5, 30, 40] as const }),
  });
  await expect(epochOf({ ...source, locate }, { policy: { unreadable: 'skip' } })).rejects.toThrow(
    /1-progressive\.jpg of fixtures cannot be used: its box 200, 5, 30 x 40 has no area within the picture of 120 x 90 pixels\.$/,
  );
});

test('unshared memory works too, and a picture can be a part of a file or a box of it', async () => {
  const source = folderOfFixtures(folder, 2);
  const { file } = source.locate(0);
  const shard = join(folder, 'shard');
  writeFileSync(shard, Buffer.concat([Buffer.from('before'), readFileSync(file), Buffer.from('after')]));
  const length = statSync(file).size;
  const part = { file: shard, offset: 6, length };
  const read = async (location: typeof part | { file: string }, box?: readonly [number, number, number, number]) => {
    const dataset = pipelineDataset({ ...source, locate: () => ({ ...location, ...(box && { box }) }) }, options());
    const target = new Uint8Array(size * size * 3);
    await dataset.read([0], target);
    await dataset.close();
    return target;
  };
  const plain = await read({ file });
  expect(await read(part)).toEqual(plain);
  expect(await read(part, [0, 0, 120, 90])).toEqual(plain);
  expect(await read(part, [10, 10, 50, 60])).not.toEqual(plain);
});
