import { float64GradientErrors } from '../../../test/float64-gradient-check';
import { leaked, randomValues } from '../../../test/gradient-check';
import { scoped, type Tensor, type Tensor3D, tf } from '../tensorflow';
import { rightSingularVectors } from './right-singular-vectors';

test('the singular vectors of a known matrix', () => {
  scoped(() => {
    const { values, vectors } = rightSingularVectors(tf.tensor3d([0, 3, 4, 0, 0, 0], [1, 3, 2]), 5);
    expect(Array.from(values.dataSync())).toEqual([4, 3].map((value) => expect.closeTo(value, 5)));
    expect(Array.from(vectors.dataSync(), Math.abs)).toEqual([1, 0, 0, 1].map((value) => expect.closeTo(value, 5)));
  });
});

// Products of a vector with itself, as its sign is arbitrary.
const products = (count: number) => (x: Tensor) => {
  const { vectors } = rightSingularVectors(x as Tensor3D, count);
  return tf.mul(tf.expandDims(vectors, 1), tf.expandDims(vectors, 2));
};

test.each([
  ['tall', [2, 6, 4], 4],
  ['tall, some of them', [2, 6, 4], 2],
  ['wide', [2, 3, 5], 2],
] as const)('the gradient where matrices are %s', async (_, shape, count) => {
  const [error] = await float64GradientErrors(products(count), [randomValues('x', shape)]);
  expect(error).toBeLessThan(1e-4);
  expect(leaked(() => products(count)(tf.ones([1, 2, 2])))).toBe(0);
});

test('equal singular values have a finite gradient', () => {
  scoped(() => {
    const gradient = tf.grad((x: Tensor) => tf.sum(products(2)(x)))(tf.eye(3).expandDims(0));
    for (const value of gradient.dataSync()) expect(Number.isFinite(value)).toBe(true);
  });
});
