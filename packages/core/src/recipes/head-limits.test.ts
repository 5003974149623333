import type { HeadGeometry } from '../train/networks/head-geometry';
import { headLines, isLimitedInAccuracy, isLimitedInLoss } from './head-limits';

test.each([
  // Drawn faces, 1,500 people: after 14 epochs at width 0.25, and trained to convergence.
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
  expect(isLimitedInLoss({ shared, own })).toBe(expected);
});

test.each([
  // Drawn faces, 100 people: the first student trained for 10, 20 and 40 epochs.
  [0.8221, 0.8618, true],
  [0.8508, 0.8618, false],
  [0.86, 0.8618, false],
  // 300 people at width 0.25, and photographs of ten classes.
  [0.898, 0.9102, false],
  [0.8231, 0.8203, false],
  // Both near perfect; half as many errors more, but few.
  [0.985, 0.99, false],
  [0.975, 0.99, true],
])('a teacher with accuracy %d under the shared head and %d under its own: limited is %p', (shared, own, expected) => {
  expect(isLimitedInAccuracy({ shared, own })).toBe(expected);
});

test('without a teacher under its own head nothing is known', () => {
  expect([isLimitedInLoss, isLimitedInAccuracy].map((is) => is({ shared: 0.5, own: undefined }))).toEqual([
    false,
    false,
  ]);
  expect(headLines([{ shared: result(5.86, 0.8), own: undefined }], column)).toEqual([
    "Trained under the student's head the teacher's training loss is 5.86, under its own it is not known: train the teacher alone under the same options to compare.",
  ]);
});

const column = { metric: 'top1', title: 'top-1' };

const head: HeadGeometry = {
  classes: 1500,
  embeddingSize: 256,
  largestCosine: 0.723,
  meanCosine: 0.0121,
  effectiveRank: 120.26,
};

function result(loss: number | undefined, top1: number): { metrics: Record<string, number> } {
  return { metrics: { top1, ...(loss !== undefined && { 'train/loss': loss }) } };
}

test('the lines of a run name the numbers and what to do', () => {
  expect(headLines([{ shared: { head, ...result(5.8612, 0.904) }, own: result(2.881, 0.9384) }], column)).toEqual([
    'The shared head has 1500 classes: the largest cosine between two of them is 0.72, the mean 0.01; effective rank 120.3 of at most 256.',
    "Warning: trained under the student's head the teacher's training loss is 5.86, under its own 2.88: the head limits the teacher. Train the first student longer, widen it, or use th-kd.",
    "Warning: under the student's head the teacher's top-1 is 90.40 %, under its own 93.84 %: the head limits the teacher. Train the first student longer, widen it, or use th-kd.",
  ]);
  expect(headLines([{ shared: result(0.19, 0.9), own: result(0.231, 0.9) }], column)).toEqual([
    "Trained under the student's head the teacher's training loss is 0.190, under its own 0.231.",
    "Under the student's head the teacher's top-1 is 90.00 %, under its own 90.00 %.",
  ]);
});

test('several seeds have means, over those where both heads are known', () => {
  const lines = headLines(
    [
      { shared: { head, ...result(1, 0.8) }, own: result(2, 0.7) },
      { shared: { head: { ...head, largestCosine: 0.523 }, ...result(2, 0.9) }, own: result(4, 0.9) },
      { shared: result(100, 0.1), own: undefined },
    ],
    column,
  );
  expect(lines).toEqual([
    expect.stringMatching(/between two of them is 0\.62,.* Means over 2 seeds\.$/),
    "Trained under the student's head the teacher's training loss is 1.50, under its own 3.00. Means over 2 seeds.",
    "Under the student's head the teacher's top-1 is 85.00 %, under its own 80.00 %. Means over 2 seeds.",
  ]);
});

test('an imported teacher has no training loss', () => {
  expect(headLines([{ shared: result(undefined, 0.8), own: result(1, 0.8) }], column)).toEqual([
    expect.stringContaining("the teacher's top-1 is"),
  ]);
  expect(headLines([{ shared: result(1, 0.8), own: result(undefined, 0.8) }], column)).toEqual([
    expect.stringContaining('under its own it is not known'),
    expect.stringContaining("the teacher's top-1 is"),
  ]);
});
