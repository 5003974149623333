import { Program } from '../program';
import { State } from '../state';
import { scoped, type Tensor, type Tensor1D, type Tensor2D, tf } from '../tensorflow';
import { gatherIntegers, gatherRows, productsOfAll, productsOfGathered, withRows } from './rows';

const table = () =>
  tf.tensor2d([
    [1, 2],
    [3, 4],
    [5, 6],
  ]);
const ints = (...values: number[]) => tf.tensor1d(values, 'int32') as Tensor1D;

test('rows are gathered by indices of any shape, and no gradient reaches the table', () => {
  scoped(() => {
    const rows = gatherRows(table(), tf.tensor2d([[2, 0, 2]], [1, 3], 'int32'));
    expect(rows.arraySync()).toEqual([
      [
        [5, 6],
        [1, 2],
        [5, 6],
      ],
    ]);
    expect(() => tf.grad((x: Tensor) => tf.sum(gatherRows(x, ints(1))))(table())).toThrow('Cannot compute gradient');
  });
});

test('gatherIntegers gathers the numbers of a list', () => {
  scoped(() => {
    const found = gatherIntegers(Int32Array.of(7, 2 ** 31 - 1, -3), tf.tensor2d([1, 2, 0, 1], [2, 2], 'int32'));
    expect([found.dtype, found.arraySync()]).toEqual([
      'int32',
      [
        [2 ** 31 - 1, -3],
        [7, 2 ** 31 - 1],
      ],
    ]);
  });
});

test('withRows writes rows at their indices, either of two for a repeated index, and leaves the given table', () => {
  scoped(() => {
    const given = table();
    const written = withRows(given, ints(2, 0), tf.tensor2d([9, 8, 7, 6], [2, 2]));
    expect(written.arraySync()).toEqual([
      [7, 6],
      [3, 4],
      [9, 8],
    ]);
    const [, twice] = withRows(given, ints(1, 1), tf.tensor2d([9, 8, 7, 6], [2, 2])).arraySync();
    expect([
      [9, 8],
      [7, 6],
    ]).toContainEqual(twice);
    expect(given.arraySync()).toEqual(table().arraySync());
  });
});

/** Both ways to the products of rows and vectors. */
const ways = [
  ['of all rows', productsOfAll],
  ['of gathered rows', productsOfGathered],
] as const;

test.each(ways)('products %s with vectors, and their gradient, by hand', (_, rowProducts) => {
  scoped(() => {
    const indices = tf.tensor2d([2, 0, 1, 1], [2, 2], 'int32');
    const vectors = tf.tensor2d([1, -1, 2, 10], [2, 2]);
    expect(rowProducts(table(), indices, vectors).arraySync()).toEqual([
      [-1, -1],
      [46, 46],
    ]);
    const weights = tf.tensor2d([1, 10, 100, 1000], [2, 2]);
    const gradient = tf.grad((x: Tensor) => tf.sum(tf.mul(rowProducts(table(), indices, x as Tensor2D), weights)));
    expect(gradient(vectors).arraySync()).toEqual([
      [5 + 10 * 1, 6 + 10 * 2],
      [1100 * 3, 1100 * 4],
    ]);
  });
});

/** Numbers in -8..8 that need few bits: sums of some thousands of their products are exact in float32. */
const small = (count: number, factor: number) =>
  Float32Array.from({ length: count }, (_, i) => ((i * factor) % 17) - 8);

describe.each(ways)('products %s, in several parts', (_, rowProducts) => {
  // 5 images of 4096 x 256 numbers: 4 at a time, then the last one.
  const [images, rows, batch, count, size] = [50, 50, 5, 4096, 256];
  const given = () => ({
    memory: tf.tensor2d(small(rows * size, 7), [rows, size]),
    indices: tf.tensor2d(
      Int32Array.from({ length: batch * count }, (_, i) => (i * 31) % images),
      [batch, count],
      'int32',
    ),
    vectors: tf.tensor2d(small(batch * size, 5), [batch, size]),
  });

  test('products and gradients equal the ones of single images', () => {
    scoped(() => {
      const { memory, indices, vectors } = given();
      const weights = tf.tensor2d(small(batch * count, 3), [batch, count]);
      const { value, grad } = tf.valueAndGrad((x: Tensor) =>
        tf.sum(tf.mul(rowProducts(memory, indices, x as Tensor2D), weights)),
      )(vectors);
      const products: number[][] = [];
      const gradients: number[][] = [];
      for (let i = 0; i < batch; i++) {
        const own = gatherRows(memory, tf.slice(indices, [i, 0], [1, -1]).reshape([-1])) as Tensor2D;
        products.push(
          tf
            .matMul(own, tf.slice(vectors, [i, 0], [1, -1]), false, true)
            .reshape([-1])
            .arraySync() as number[],
        );
        gradients.push(
          tf
            .matMul(tf.slice(weights, [i, 0], [1, -1]), own)
            .reshape([-1])
            .arraySync() as number[],
        );
      }
      expect(rowProducts(memory, indices, vectors).arraySync()).toEqual(products);
      expect(grad.arraySync()).toEqual(gradients);
      expect(Number.isFinite(value.dataSync()[0])).toBe(true);
    });
  });

  test('the gradient equals differences', () => {
    scoped(() => {
      const { memory, indices, vectors } = given();
      const loss = (x: Tensor) => tf.sum(rowProducts(memory, indices, x as Tensor2D)).asScalar();
      const gradient = tf.grad(loss)(vectors).dataSync();
      // The loss is linear, and all of these are whole numbers: differences are exact.
      for (const at of [0, 300, batch * size - 1]) {
        const step = new Float32Array(batch * size);
        step[at] = 1;
        const moved = loss(tf.add(vectors, tf.tensor2d(step, [batch, size])));
        expect((moved.dataSync()[0] ?? 0) - (loss(vectors).dataSync()[0] ?? 0)).toBe(gradient[at]);
      }
    });
  });
});

test.each(ways)(
  'products %s: compiled and eager steps give the same bits, and nothing leaks',
  async (_, rowProducts) => {
    const before = tf.memory().numTensors;
    const inputs = {
      indices: { dtype: 'int32', shape: [2, 3] },
      vectors: { dtype: 'float32', shape: [2, 5] },
    } as const;
    const values = {
      indices: Int32Array.of(3, 1, 1, 0, 3, 2),
      vectors: Float32Array.from({ length: 10 }, (_, i) => Math.sin(i)),
    };
    const run = async (eager: boolean) => {
      const state = new State();
      const memory = state.declare(
        'memory',
        'statistic',
        [4, 5],
        Float32Array.from({ length: 20 }, (_, i) => Math.cos(i)),
      );
      const program = new Program(state, { eager });
      const step = program.define('products', inputs, ({ indices, vectors }) => {
        const loss = (x: Tensor) => tf.sum(tf.square(rowProducts(memory, indices as Tensor2D, x as Tensor2D)));
        const { value, grad } = tf.valueAndGrad(loss)(vectors);
        const first = tf.slice(indices, [0, 0], [1, 2]).reshape([-1]) as Tensor1D;
        memory.assign(withRows(memory, first, tf.mul(gatherRows(memory, first), 0.3) as Tensor2D));
        return { value, grad, gathered: gatherRows(memory, indices) };
      });
      const all = [await step(values), await step(values), await step(values)];
      program.pull();
      const after = state.values();
      program.dispose();
      state.dispose();
      return { all, after };
    };
    expect(await run(false)).toEqual(await run(true));
    expect(tf.memory().numTensors).toBe(before);
  },
);
