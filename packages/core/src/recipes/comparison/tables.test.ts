import type { NetworkDescription } from '../../nn/network';
import { csvTable, markdownTable } from '../../report/table';
import { comparisonCharts } from './charts';
import type { ComparedRun, ComparisonLayout } from './compared-run';
import { bandOf } from './learning-curves';
import { differencesTable, resultsTable, runsTable, summaryTable } from './tables';

const network = { backbone: 'resnet8', width: 1, inputSize: 32, embeddingSize: 64 } as NetworkDescription;

const run = (row: string, seed: number, accuracy: number, published?: number): ComparedRun => ({
  row,
  seed,
  parameters: 1000,
  network,
  metrics: { accuracy },
  best: { accuracy: accuracy + 0.01 },
  bestEpoch: 2,
  selectedOn: 'test',
  folder: `/runs/${row}${seed}`,
  ...(published !== undefined && { published }),
});

const layout: ComparisonLayout = {
  title: 'model',
  columns: [{ metric: 'accuracy', title: 'accuracy', percent: true }],
  chartMetrics: ['accuracy'],
  notes: [],
  baselines: new Map([['kd', ['alone']]]),
  multiplyAdds: () => 2_500_000,
};

const runs = [run('alone', 1, 0.5), run('alone', 2, 0.6), run('kd', 1, 0.7, 0.75), run('kd', 2, 0.9, 0.75)];

test('means, deviations and intervals by row, of the last epoch and the best, beside published numbers', () => {
  // Student's t for one degree of freedom is 12.7062 at 97.5 %: 0.55 ± 12.7062 x 0.0707107 / sqrt 2.
  expect(markdownTable(resultsTable(runs, layout)).split('\n').slice(0, 4)).toEqual([
    '| model | parameters | multiply-adds, M | accuracy % | 95 % interval | best epoch, by test % | published % |',
    '| :-- | --: | --: | --: | :-- | --: | --: |',
    '| alone | 1000 | 2.50 | 55.00 ± 7.07 | -8.53 to 118.53 | 56.00 ± 7.07 | – |',
    '| kd | 1000 | 2.50 | 80.00 ± 14.14 | -47.06 to 207.06 | 81.00 ± 14.14 | 75.00 |',
  ]);
});

test('differences by seed, with the p of a paired t-test', () => {
  // Differences 0.2 and 0.3: t = 0.25 / (0.0707107 / sqrt 2) = 5, and p = 1 - 2 atan(5) / pi for one degree.
  expect(differencesTable(runs, layout)?.rows).toEqual([
    [
      'kd − alone',
      expect.objectContaining({ count: 2, mean: expect.closeTo(0.25) }),
      '-38.53 to 88.53',
      expect.closeTo(0.1257, 4),
    ],
  ]);
  expect(differencesTable(runs.slice(0, 3), layout)).toBeUndefined();
});

test('a metric that is null, since its training diverged, is in no difference', () => {
  const diverged = { ...run('kd', 3, 0), metrics: JSON.parse('{"accuracy":null}') };
  const rows = differencesTable([...runs, run('alone', 3, 0.5), diverged], layout)?.rows;
  expect(rows).toEqual(differencesTable(runs, layout)?.rows);
});

test('a note mentions missing seeds', () => {
  expect(resultsTable(runs.slice(0, 3), layout).notes?.[0]).toContain('1 to 2 seeds: some runs are not there');
});

test('rows of one seed each have one seed, even different ones', async () => {
  const apart = [run('alone', 1, 0.5), run('kd', 2, 0.7)];
  expect(resultsTable(apart, layout).notes?.[0]).toBe('One seed.');
  const { comparison, size } = await comparisonCharts(apart, layout);
  expect([comparison?.title, size?.title]).toEqual(
    ['model', 'model: accuracy against size'].map((text) => expect.objectContaining({ text, subtitle: 'One seed' })),
  );
});

test('CSV: every metric of every row in full, and every run with its folder', () => {
  expect(
    csvTable(summaryTable(runs.slice(2, 3), layout))
      .split('\r\n')
      .slice(0, 2),
  ).toEqual(['model,metric,epoch,seeds,mean,standard deviation,95 % low,95 % high', 'kd,accuracy,last,1,0.7,,,']);
  expect(csvTable(runsTable(runs.slice(2, 3), layout, (folder) => folder.slice(1)))).toBe(
    'network,seed,parameters,accuracy,best accuracy,best epoch,folder,MLflow\r\nkd,1,1000,0.7,0.71,2,runs/kd1,\r\n',
  );
});

test('curves: the mean over seeds at the epochs that all of them have', () => {
  const points = bandOf([
    new Map([
      [1, 0.5],
      [2, 0.6],
      [3, 0.9],
    ]),
    new Map([
      [1, 0.5],
      [2, 0.8],
    ]),
  ]);
  expect(points).toEqual([
    { x: 1, y: 0.5, low: 0.5, high: 0.5 },
    { x: 2, y: expect.closeTo(0.7), low: expect.closeTo(-0.5706, 4), high: expect.closeTo(1.9706, 4) },
  ]);
  expect(bandOf([])).toEqual([]);
});
