import * as fc from 'fast-check';
import { loadNativeScores } from './native-scores';
import { pairScores } from './pair-scores';

const rowsOf = (count: number, dimension: number) =>
  fc
    .array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: count * dimension, maxLength: count * dimension })
    .map((values) => Float64Array.from(values));

/** Two matrices of the same dimension, and pairs of their rows. */
const problems = fc
  .tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 70 }))
  .chain(([leftCount, rightCount, dimension]) =>
    fc.record({
      left: rowsOf(leftCount, dimension),
      right: rowsOf(rightCount, dimension),
      dimension: fc.constant(dimension),
      pairs: fc
        .array(fc.tuple(fc.nat(leftCount - 1), fc.nat(rightCount - 1)), { maxLength: 12 })
        .map((list) => ({ left: Int32Array.from(list, ([l]) => l), right: Int32Array.from(list, ([, r]) => r) })),
    }),
  );

describe('pairScores', () => {
  it('gives the dot product of two rows', async () => {
    const left = Float64Array.of(1, 2, 3, 4);
    const right = Float64Array.of(5, 6, 7, 8, 9, 10);
    const pairs = { left: Int32Array.of(0, 1, 1), right: Int32Array.of(0, 0, 2) };

    expect([...(await pairScores(left, right, 2, pairs))]).toEqual([17, 39, 67]);
  });

  it('agrees with a plain sum, and to the last bit with the swapped pair', () =>
    fc.assert(
      fc.asyncProperty(problems, async ({ left, right, dimension, pairs }) => {
        const scores = await pairScores(left, right, dimension, pairs);
        const swapped = await pairScores(right, left, dimension, { left: pairs.right, right: pairs.left });

        expect(swapped).toEqual(scores);
        scores.forEach((score, pair) => {
          let sum = 0;
          for (let i = 0; i < dimension; i++) {
            const a = left[(pairs.left[pair] as number) * dimension + i] as number;
            sum += a * (right[(pairs.right[pair] as number) * dimension + i] as number);
          }
          expect(Math.abs(score - sum)).toBeLessThan(1e-12);
        });
      }),
    ));

  it('gives the same scores for any order of the pairs', async () => {
    const [rows, dimension, count] = [700, 40, 5000];
    const values = Float64Array.from({ length: rows * dimension }, (_, i) => Math.sin(i * i));
    const pairs = {
      left: Int32Array.from({ length: count }, (_, k) => (k * 37) % rows),
      right: Int32Array.from({ length: count }, (_, k) => (k * 101 + 13) % rows),
    };
    const reversed = { left: pairs.left.slice().reverse(), right: pairs.right.slice().reverse() };

    const scores = await pairScores(values, values, dimension, pairs);
    expect((await pairScores(values, values, dimension, reversed)).reverse()).toEqual(scores);
  });
});

describe('the addon', () => {
  const native = loadNativeScores();
  // There is no addon before `nx run tools:tensorflow`.
  const itBuilt = native ? it : it.skip;

  itBuilt('gives the same bits as JavaScript', () =>
    fc.assert(
      fc.asyncProperty(problems, async ({ left, right, dimension, pairs }) => {
        const plain = await pairScores(left, right, dimension, pairs, null);
        expect(await pairScores(left, right, dimension, pairs, native)).toEqual(plain);
      }),
    ),
  );

  itBuilt('sorts like JavaScript', () =>
    fc.assert(
      fc.asyncProperty(fc.array(fc.double({ noNaN: true }), { maxLength: 300 }), async (values) => {
        const sorted = Float64Array.from(values);
        await native?.sortAscending(sorted);
        expect(sorted).toEqual(Float64Array.from(values).sort());
      }),
    ),
  );

  itBuilt('refuses rows that do not exist', async () => {
    const rows = Float64Array.of(1, 2);
    const product = native?.pairProducts(rows, rows, 1, Int32Array.of(0), Int32Array.of(2), new Float64Array(1));

    await expect(product).rejects.toThrow('a pair names a row that does not exist');
  });
});
