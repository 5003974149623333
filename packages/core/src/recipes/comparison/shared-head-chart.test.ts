import type { Kind } from './kinds';
import { sharedHeadChart } from './shared-head-chart';
import type { Training } from './training';

const column = { metric: 'accuracy', title: 'accuracy', percent: true };
const key = (kind: Kind, epochs: number, seed: number): string => `${kind}-${epochs}-${seed}`;

/** A training of a sweep over epochs. */
function training(kind: Kind, epochs: number, seed: number, metrics: Record<string, number>): Training {
  const title = { student: 'student alone', distill: 'th-kd', 'distill-student-head': 'sh-kd' }[kind as string] ?? kind;
  const stages = kind === 'distill-student-head' ? [{ experiment: 'student', key: key('student', epochs, seed) }] : [];
  return {
    name: { title, settings: { epochs: `${epochs}` } },
    seed,
    kind,
    options: { epochs, seed },
    finished: { key: key(kind, epochs, seed), stages, result: { metrics } },
    folder: '/nowhere',
  } as unknown as Training;
}

const trio = (epochs: number, seed: number, loss: number, thKd: number, shKd: number): Training[] => [
  training('student', epochs, seed, { accuracy: 0.7, 'train/loss': loss }),
  training('distill', epochs, seed, { accuracy: thKd }),
  training('distill-student-head', epochs, seed, { accuracy: shKd }),
];

const pointsOf = (chart: unknown): unknown =>
  (chart as { layer: { data: { values: unknown } }[] } | undefined)?.layer[1]?.data.values;

test('each SH-KD training is compared with the TH-KD training of the same seed and settings', async () => {
  const trainings = [...trio(10, 1, 6.5, 0.85, 0.82), ...trio(10, 2, 6, 0.84, 0.82), ...trio(40, 1, 0.5, 0.86, 0.87)];
  expect(pointsOf(await sharedHeadChart(trainings, column, 'face model'))).toEqual([
    { x: 6.5, difference: expect.closeTo(-3), seed: 1 },
    { x: 6, difference: expect.closeTo(-2), seed: 2 },
    { x: 0.5, difference: expect.closeTo(1), seed: 1 },
  ]);
});

test('there is no chart for seeds of one setting, nor without TH-KD', async () => {
  const seeds = [...trio(10, 1, 6.5, 0.85, 0.82), ...trio(10, 2, 6, 0.84, 0.82)];
  expect(await sharedHeadChart(seeds, column, 'face model')).toBeUndefined();
  const several = [...trio(10, 1, 6.5, 0.85, 0.82), ...trio(40, 1, 0.5, 0.86, 0.87)];
  const without = several.filter(({ kind }) => kind !== 'distill');
  expect(await sharedHeadChart(without, column, 'face model')).toBeUndefined();
  expect(await sharedHeadChart(several, column, 'face model')).toBeDefined();
});
