import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { folderOfFixtures } from '../../../test/image-folder';
import { batches } from '../loading/batches';
import { unreadableImages } from '../unreadable-images';
import { pipelineDataset } from './pipeline-dataset';

const started: Worker[] = [];
jest.mock('node:worker_threads', () => {
  const threads = jest.requireActual('node:worker_threads');
  class RecordedWorker extends threads.Worker {
    constructor(...args: ConstructorParameters<typeof Worker>) {
      super(...args);
      started.push(this as unknown as Worker);
    }
  }
  return { ...threads, Worker: RecordedWorker };
});

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pipeline-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const size = 64;
const batchSize = 16;

test('dead threads are replaced, and the images stay the same', async () => {
  const source = folderOfFixtures(folder, 160);
  const epoch = async (kill: boolean) => {
    const unreadable = unreadableImages(source);
    const dataset = pipelineDataset(source, {
      size,
      train: { colorJitter: { hue: 0.2 } },
      test: { resize: 70 },
      threads: 2,
      unreadable,
    });
    const images: string[] = [];
    const first = started.length;
    let done = 0;
    for await (const batch of batches(dataset, { batchSize, seed: 1, epoch: 0, augment: true, lastBatch: 'drop' })) {
      images.push(Buffer.from(batch.images).toString('base64'));
      if (kill && done < 2) await started[first + done]?.terminate();
      done++;
    }
    expect(unreadable.list()).toEqual([]);
    await dataset.close();
    return images;
  };
  const whole = await epoch(false);
  const before = started.length;
  expect(await epoch(true)).toEqual(whole);
  // The epoch starts two threads and at least one replacement: a thread that dies before it is ready is not replaced.
  expect(started.length).toBeGreaterThanOrEqual(before + 3);
}, 60_000);
