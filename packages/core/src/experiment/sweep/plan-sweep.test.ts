import { defineExperiment, type Overrides, type PlannedStage } from '../define';
import { planSweep } from './plan-sweep';

const experiment = (summary: string) =>
  defineExperiment({ summary, options: {}, run: async () => ({ metrics: {}, summary: '' }) });
const [student, distill] = [experiment('student'), experiment('distill')];

/** A stage whose key depends on these options alone. */
const planned = (of: typeof student, options: Overrides): PlannedStage => ({
  experiment: of,
  key: JSON.stringify([of.summary, options]),
  folder: '',
  options,
  needs: [],
  command: [],
  finished: async () => undefined,
});

const axes = [
  { option: 'method', values: ['kd', 'sh-kd'] },
  { option: 'shMethod', values: ['l2e', 'at'] },
];

test('combinations that differ in an option a stage does not read are one training, named without the option', async () => {
  const runs = await planSweep({
    axes,
    seeds: [1],
    stagesOf: async ({ method, shMethod, seed }) => {
      const wanted = planned(distill, method === 'kd' ? { method, seed } : { method, shMethod, seed });
      return [wanted, planned(student, { seed })];
    },
    titleOf: ({ experiment: of, options }) => (of === student ? 'student alone' : String(options.method)),
    reads: ({ options }, option) => option in options,
  });
  expect(runs.map(({ row, wanted, given }) => [row, wanted, given.length])).toEqual([
    ['kd', true, 2],
    ['student alone', false, 1],
    ['sh-kd, sh-method l2e', true, 1],
    ['sh-kd, sh-method at', true, 1],
  ]);
  expect(runs[0]?.given).toEqual([
    { method: 'kd', shMethod: 'l2e' },
    { method: 'kd', shMethod: 'at' },
  ]);
});
