import { type ModelledTraining, modelledTrainings, project } from './cost-model';

const training = modelledTrainings[0] as ModelledTraining;

test('one machine reduces nothing', () => {
  expect(project(training, 'exact', 1, 1)).toMatchObject({ reductionSeconds: 0, efficiency: 1, efficiencyHidden: 1 });
});

test('more machines, slower lines and longer numbers cost more', () => {
  const seconds = (...[sums, machines, gigabits]: [Parameters<typeof project>[1], number, number]) =>
    project(training, sums, machines, gigabits).reductionSeconds;
  expect(seconds('exact', 64, 10)).toBeGreaterThan(seconds('exact', 8, 10));
  expect(seconds('exact', 8, 1)).toBeGreaterThan(seconds('exact', 8, 10));
  expect(seconds('exact', 8, 1)).toBeCloseTo(
    // Eight bytes of each of 1.71 million numbers, 14/8 times over 85 % of 1 Gb/s, and 14 hops of half a millisecond.
    ((14 / 8) * 8 * 1.71e6) / (0.85 * 1.25e8) + 14 * 0.5e-3,
  );
  expect(seconds('float32', 8, 1)).toBeLessThan(seconds('exact', 8, 1));
});
