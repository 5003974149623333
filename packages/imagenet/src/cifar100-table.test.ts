import type { ComparedRun } from '@headshare/core/recipes/comparison/compared-run';
import { publishedTable, rowsOf, type TableRow } from './cifar100-table';
import { type PublishedPair, pairName, publishedPairs } from './published-cifar100';

const pair = publishedPairs[0] as PublishedPair;
const rows: TableRow[] = [
  { pair, by: 'kd', last: [0.73, 0.74] },
  { pair, by: 'th-kd', last: [0.75] },
];

test('our numbers are beside the published ones, with the difference of the means', () => {
  const [kd, thKd] = publishedTable(rows, 'cifar100').rows;
  expect(pairName(pair)).toBe('resnet32x4/resnet8x4');
  expect(kd?.slice(0, 2)).toEqual(['resnet32x4/resnet8x4', 'kd']);
  expect(kd?.[2]).toMatchObject({ mean: 0.735 });
  expect(kd?.[3]).toBeCloseTo(0.7333, 10);
  expect(kd?.[4]).toBeCloseTo(0.735 - 0.7333, 10);
  // Nobody has published it.
  expect(thKd?.slice(3)).toEqual([undefined, undefined]);
});

test('a chosen best epoch has a column, and a note that names the images it was chosen on', () => {
  const chosen: TableRow[] = [{ pair, by: 'kd', last: [0.73], best: { on: 'held-out', top1: [0.74] } }];
  const { columns, rows: shown, notes } = publishedTable(chosen, 'cifar100');
  expect(columns[3]?.title).toBe('best epoch');
  expect(shown[0]?.[3]).toMatchObject({ mean: 0.74 });
  expect(notes?.at(-1)).toContain('held out');
});

test('the published numbers for CIFAR-100 are beside no other data', () => {
  const { rows: shown, notes } = publishedTable(rows, 'shapes');
  expect(shown.map((row) => row.slice(3))).toEqual([
    [undefined, undefined],
    [undefined, undefined],
  ]);
  expect(notes?.[1]).toContain("the published numbers are CIFAR-100's");
});

test('rows of a pair are the rows of its sweep, in the order of the methods', () => {
  const run = (row: string, top1: number, selectedOn = 'last') =>
    ({ row, metrics: { top1 }, best: { top1: top1 + 1 }, selectedOn }) as unknown as ComparedRun;
  const sweep = [run('teacher', 1), run("teacher, student's head", 2), run('student alone', 3), run('kd', 4)];
  expect(rowsOf(pair, ['sh-kd', 'kd'], [...sweep, run('sh-kd', 5, 'test'), run('sh-kd', 6, 'test')])).toEqual([
    { pair, by: 'teacher', last: [1] },
    { pair, by: 'student', last: [3] },
    { pair, by: 'sh-kd', last: [5, 6], best: { on: 'test', top1: [6, 7] } },
    { pair, by: 'kd', last: [4] },
  ]);
});

test('every published pair has numbers for both networks alone, kd and crd', () => {
  for (const { top1 } of publishedPairs) {
    for (const by of ['teacher', 'student', 'kd', 'crd'] as const) expect(top1[by]).toBeGreaterThan(0.6);
  }
});
