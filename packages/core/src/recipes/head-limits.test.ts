import type { HeadGeometry } from '../train/networks/head-geometry';
import { headLines, isLimited, lossLine } from './head-limits';

test.each([
  // Drawn faces, seed 201: after 14 epochs at width 0.25, and trained to convergence.
  [5.86, 2.88, true],
  [0.19, 0.23, false],
  // As low as under its own head, or both low.
  [2.9, 2.88, false],
  [0.3, 0.02, false],
  // Far from done under both heads.
  [14.237, 11.055, false],
  // Clearly higher.
  [1, 0.1, true],
  [0.75, 0.5, false],
  [1.5, 1, true],
])('a teacher with loss %d under the shared head and %d under its own: limited is %p', (shared, own, expected) => {
  expect(isLimited({ shared, own })).toBe(expected);
  expect(lossLine({ shared, own }).startsWith('Warning: ')).toBe(expected);
});

test('without the loss under its own head nothing is known', () => {
  expect(isLimited({ shared: 5.86, own: undefined })).toBe(false);
  expect(lossLine({ shared: 5.86, own: undefined })).toBe(
    "Trained under the student's head the teacher's training loss is 5.86, under its own it is not known: train the teacher alone under the same options to compare.",
  );
});

const head: HeadGeometry = {
  classes: 1500,
  embeddingSize: 256,
  largestCosine: 0.723,
  meanCosine: 0.0121,
  effectiveRank: 120.26,
};
const result = (loss?: number): { metrics: Record<string, number> } => ({
  metrics: loss === undefined ? {} : { 'train/loss': loss },
});

test('the lines of a run name the numbers and what to do', () => {
  expect(headLines({ head, ...result(5.8612) }, result(2.881))).toEqual([
    'The shared head has 1500 classes: the largest cosine between two of them is 0.72, the mean 0.01; effective rank 120.3 of at most 256.',
    "Warning: trained under the student's head the teacher's training loss is 5.86, under its own 2.88: the head limits the teacher. Train the first student longer, widen it, or use th-kd.",
  ]);
  expect(headLines(result(0.19), result(0.231))).toEqual([
    "Trained under the student's head the teacher's training loss is 0.190, under its own 0.231.",
  ]);
});

test('results of older versions have no lines; an imported teacher has no training loss', () => {
  expect(headLines(result(), result(1))).toEqual([]);
  expect(headLines(result(1), result())).toEqual([expect.stringContaining('under its own it is not known')]);
});
