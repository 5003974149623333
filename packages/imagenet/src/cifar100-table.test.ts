import { publishedTable, type TableRow } from './cifar100-table';
import { type PublishedPair, pairName, publishedPairs } from './published-cifar100';

const pair = publishedPairs[0] as PublishedPair;
const rows: TableRow[] = [
  { pair, by: 'kd', last: [0.73, 0.74] },
  { pair, by: 'th-kd', last: [0.75] },
];

test('ours stand beside the published, with the difference of the means', () => {
  const [kd, thKd] = publishedTable(rows, 'cifar100').rows;
  expect(pairName(pair)).toBe('resnet32x4/resnet8x4');
  expect(kd?.slice(0, 2)).toEqual(['resnet32x4/resnet8x4', 'kd']);
  expect(kd?.[2]).toMatchObject({ mean: 0.735 });
  expect(kd?.[3]).toBeCloseTo(0.7333, 10);
  expect(kd?.[4]).toBeCloseTo(0.735 - 0.7333, 10);
  // Nobody has published it.
  expect(thKd?.slice(3)).toEqual([undefined, undefined]);
});

test('a best epoch has a column where one was chosen, and a note that says on what', () => {
  const chosen: TableRow[] = [{ pair, by: 'kd', last: [0.73], best: { on: 'held-out', top1: [0.74] } }];
  const { columns, rows: shown, notes } = publishedTable(chosen, 'cifar100');
  expect(columns[3]?.title).toBe('best epoch');
  expect(shown[0]?.[3]).toMatchObject({ mean: 0.74 });
  expect(notes?.at(-1)).toContain('held out');
});

test('numbers of CIFAR-100 stand beside no other data', () => {
  const { rows: shown, notes } = publishedTable(rows, 'shapes');
  expect(shown.map((row) => row.slice(3))).toEqual([
    [undefined, undefined],
    [undefined, undefined],
  ]);
  expect(notes?.[1]).toContain("the published numbers are CIFAR-100's");
});

test('every published pair says what its networks reach alone', () => {
  for (const { top1 } of publishedPairs) {
    for (const by of ['teacher', 'student', 'kd', 'crd'] as const) expect(top1[by]).toBeGreaterThan(0.6);
  }
});
