import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { folderOfFixtures } from '../../../test/image-folder';
import { batches } from '../loading/batches';
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

/** The images of an epoch by index, and the skipped indices. */
async function epochOf(
  source: ReturnType<typeof folderOfFixtures>,
  more: Partial<PipelineOptions> = {},
  { batchSize = 5, epoch = 0, augment = true } = {},
) {
  const skipped: number[] = [];
  const onSkip: PipelineOptions['onSkip'] = (one) => {
    skipped.push(one.index);
    more.onSkip?.(one);
  };
  const dataset = pipelineDataset(source, options({ ...more, onSkip }));
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
    return { images, skipped };
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
  const reported: string[] = [];
  const epoch = await epochOf(
    source,
    { threads: 2, onSkip: ({ index, file }) => reported.push(`${index} ${file}`) },
    { augment: false, batchSize: 3 },
  );
  expect(epoch.skipped.sort()).toEqual([2, 4]);
  expect(reported.sort()).toEqual([`2 ${broken}`, `4 ${source.locate(4).file}`]);
  const { images } = epoch;
  expect([images.get(2), images.get(4)]).toEqual([whole.images.get(6), whole.images.get(6)]);
  for (const index of [0, 1, 3, 5, 6, 7]) expect(images.get(index)).toBe(whole.images.get(index));
});

test('held-out images and training images replace each other only if no other image is left', async () => {
  const source = folderOfFixtures(folder, 8);
  const { images: whole } = await epochOf(source, {}, { augment: false });
  for (const index of [0, 2]) writeFileSync(source.locate(index).file, 'no picture');
  const replacements = async (apart: number[]) => {
    const { images } = await epochOf(source, { apart }, { augment: false });
    return [images.get(0), images.get(2)];
  };
  expect(await replacements([])).toEqual([whole.get(4), whole.get(4)]);
  expect(await replacements([4])).toEqual([whole.get(6), whole.get(6)]);
  expect(await replacements([2, 6])).toEqual([whole.get(4), whole.get(6)]);
  expect(await replacements([2])).toEqual([whole.get(4), whole.get(4)]);
});

test('onCorrupt: fail throws for a damaged image; a class without any readable image always throws', async () => {
  const source = folderOfFixtures(folder, 4);
  writeFileSync(source.locate(1).file, 'no picture');
  await expect(epochOf(source, { onCorrupt: 'fail' })).rejects.toThrow(
    /^Image 1 of fixtures, .*1-progressive\.jpg, cannot be decoded: /,
  );
  writeFileSync(source.locate(3).file, '');
  await expect(epochOf(source)).rejects.toThrow('None of the images of class 1 of fixtures can be decoded.');
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
