import { stepsBetweenPoints } from './step-points';

test.each([
  [1, 1],
  [10_000, 1],
  [10_001, 2],
  // 240 epochs of CIFAR-100 in batches of 64, 100 of ImageNet in batches of 256.
  [240 * 781, 19],
  [100 * 5004, 51],
])('of %i steps each %i. is told: 10,000 points at most', (steps, every) => {
  expect(stepsBetweenPoints(steps)).toBe(every);
  expect(Math.floor(steps / every)).toBeLessThanOrEqual(10_000);
});
