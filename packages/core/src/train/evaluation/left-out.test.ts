import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '../../../test/temporary-folder';
import { type ImageDataset, imagesInMemory } from '../../data/dataset';
import { subset } from '../../data/split';
import { classificationTask } from './classification-task';
import type { Inference } from './inference';

const folder = temporaryFolder();
const labels = Int32Array.of(0, 1, 0, 1, 1);
const images = imagesInMemory({ name: 'five', classes: 2, size: 1, labels, fingerprint: 'x' }, new Uint8Array(15));

/** Predicts class 0 for every image, two images a batch. */
const zeros = {
  async classify({ labels: all }, receive) {
    for (let from = 0; from < all.length; from += 2) {
      receive(Float32Array.of(2, 1, 2, 1), from, Math.min(2, all.length - from));
    }
  },
} as Inference;

const without = (leftOut: readonly number[]): ImageDataset => ({
  ...images,
  isLeftOut: (index) => leftOut.includes(index),
});

test('images that were left out count neither as right nor as wrong, in no report', async () => {
  const task = classificationTask({ train: images, test: without([0, 3, 4]) });
  expect(await task.evaluate(zeros)).toMatchObject({ top1: 1 / 2, mean_per_class: 1 / 2 });
  expect(await classificationTask({ train: images, test: images }).evaluate(zeros)).toMatchObject({ top1: 2 / 5 });
  await (await task.finish(zeros, zeros))(folder.path);
  expect(await task.report?.(folder.path)).toContain('per-class.csv');
  expect(readFileSync(join(folder.path, 'per-class.csv'), 'utf8')).toMatch(/\n0,0,1,1,,\r\n1,1,1,0,0,1\r\n/);
  expect(task.compareWithTeacher(folder.path, folder.path)).toEqual({ agreement: 1 });
});

test('a part of a data set knows which of its images were left out', async () => {
  const part = subset(without([3]), 'part', Int32Array.of(3, 1));
  expect([part.isLeftOut?.(0), part.isLeftOut?.(1)]).toEqual([true, false]);
});

test('without any readable image there is no accuracy', async () => {
  const task = classificationTask({ train: images, test: without([0, 1, 2, 3, 4]) });
  await expect(task.evaluate(zeros)).rejects.toThrow('None of the 5 images of five can be read.');
});
