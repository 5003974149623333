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

/** Every image of an epoch by index, and the batches' labels by index. */
async function epochOf(
  source: ReturnType<typeof folderOfFixtures>,
  more: Partial<PipelineOptions> = {},
  { batchSize = 5, epoch = 0, augment = true } = {},
) {
  const dataset = pipelineDataset(source, options(more));
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
    return { images, skipped: [...dataset.skipped.keys()] };
  } finally {
    await dataset.close();
  }
}

test('an image is the same whatever the threads, the batch and the decoder; another in the next epoch', async () => {
  const source = folderOfFixtures(folder, 21);
  const one = await epochOf(source);
  expect(one.images.size).toBe(21);
  expect(await epochOf(source, { threads: 2 }, { batchSize: 4 })).toEqual(one);
  expect(await epochOf(source, { threads: 3 }, { batchSize: 21 })).toEqual(one);
  expect(await epochOf(source, { threads: 2, native: false })).toEqual(one);
  const next = await epochOf(source, { threads: 2 }, { epoch: 1 });
  for (const [index, pixels] of one.images) expect(next.images.get(index)).not.toBe(pixels);
});

test('in evaluation nothing is random', async () => {
  const source = folderOfFixtures(folder, 8);
  const first = await epochOf(source, {}, { augment: false });
  expect(await epochOf(source, {}, { augment: false, epoch: 3 })).toEqual(first);
  expect(first.images.get(0)).toBe(first.images.get(7));
});

test('a damaged image is skipped: the next of its class stands in, it is counted and named once', async () => {
  const source = folderOfFixtures(folder, 8);
  const whole = await epochOf(source, {}, { augment: false });
  const broken = source.locate(2).file;
  writeFileSync(broken, readFileSync(broken).subarray(0, statSync(broken).size / 2));
  writeFileSync(source.locate(4).file, 'no picture');
  const told: string[] = [];
  const seen = await epochOf(
    source,
    { threads: 2, onSkip: ({ index, file }) => told.push(`${index} ${file}`) },
    { augment: false, batchSize: 3 },
  );
  expect(seen.skipped.sort()).toEqual([2, 4]);
  expect(told.sort()).toEqual([`2 ${broken}`, `4 ${source.locate(4).file}`]);
  const { images } = seen;
  expect([images.get(2), images.get(4)]).toEqual([whole.images.get(6), whole.images.get(6)]);
  for (const index of [0, 1, 3, 5, 6, 7]) expect(images.get(index)).toBe(whole.images.get(index));
});

test('images kept apart stand in for no others, and others for them only where they must', async () => {
  const source = folderOfFixtures(folder, 8);
  const { images: whole } = await epochOf(source, {}, { augment: false });
  for (const index of [0, 2]) writeFileSync(source.locate(index).file, 'no picture');
  const seen = async (apart: number[]) => {
    const { images } = await epochOf(source, { apart }, { augment: false });
    return [images.get(0), images.get(2)];
  };
  expect(await seen([])).toEqual([whole.get(4), whole.get(4)]);
  expect(await seen([4])).toEqual([whole.get(6), whole.get(6)]);
  expect(await seen([2, 6])).toEqual([whole.get(4), whole.get(6)]);
  expect(await seen([2])).toEqual([whole.get(4), whole.get(4)]);
});

test('a damaged image ends the run where that is asked for, and a class without any image always', async () => {
  const source = folderOfFixtures(folder, 4);
  writeFileSync(source.locate(1).file, 'no picture');
  await expect(epochOf(source, { onCorrupt: 'fail' })).rejects.toThrow(
    /^Image 1 of fixtures, .*1-progressive\.jpg, cannot be decoded: /,
  );
  writeFileSync(source.locate(3).file, '');
  await expect(epochOf(source)).rejects.toThrow('None of the images of class 1 of fixtures can be decoded.');
});

test('memory that is not shared is filled as well, and a picture can be a part of a file and a box of it', async () => {
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
