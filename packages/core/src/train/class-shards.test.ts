import { type ClusterProcess, startProcesses } from '../../test/cluster-process';
import { type HeadResult, wholeHead } from '../../test/sharded-head';
import { columnsAmong, heldClasses } from './class-shards';

test('every class has one holder, and shares differ by one at most', () => {
  for (const [classes, of] of [
    [11, 3],
    [8, 8],
    [2_000_000, 7],
  ] as const) {
    const all = Array.from({ length: of }, (_, index) => heldClasses(classes, { index, of }));
    const counts = all.map(({ count }) => count);
    expect(counts.reduce((a, b) => a + b)).toBe(classes);
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
    expect(all.map(({ from }) => from)).toEqual(counts.map((_, i) => counts.slice(0, i).reduce((a, b) => a + b, 0)));
  }
  expect([...columnsAmong(Int32Array.of(2, 3, 6, 7), { from: 3, count: 4, of: 11 })]).toEqual([-1, 0, 3, -1]);
});

describe.each([2, 3])('%i processes that hold some classes each', (of) => {
  let processes: ClusterProcess[] = [];
  beforeAll(async () => {
    processes = await startProcesses(of);
    await Promise.all(processes.map((process) => process.enable(1, processes)));
  }, 120_000);
  afterAll(() => Promise.all(processes.map((process) => process.end())));

  test.each([
    'linear-no-bias',
    'cosface',
    'arcface',
    'arcface-exact',
    'linear-no-bias, distilled',
    'arcface, distilled',
  ])(
    '%s: loss and gradients are those of one process',
    async (head) => {
      const whole = await wholeHead(head, of);
      const parts = await Promise.all(
        processes.map((process, index) => process.ask<HeadResult>('shardedHead', head, index)),
      );
      const joined = (key: keyof HeadResult) => parts.flatMap((part) => part[key]);
      const loss = joined('loss').reduce((a, b) => a + b) / of;
      expect(loss).toBeCloseTo(whole.loss[0] as number, 4);
      expectNear(joined('embedding'), whole.embedding);
      expectNear(joined('weight'), whole.weight);
    },
    60_000,
  );
});

/** Within 1e-5 of the largest value. */
function expectNear(values: readonly number[], expected: readonly number[]): void {
  expect(values).toHaveLength(expected.length);
  const largest = Math.max(...expected.map(Math.abs));
  expect(largest).toBeGreaterThan(0);
  const differences = values.map((value, i) => Math.abs(value - (expected[i] as number)));
  expect(Math.max(...differences)).toBeLessThan(1e-5 * largest);
}
