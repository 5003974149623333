import { type Tensor2D, tf } from '../tensorflow';
import { gradientErrors, leaked, randomValues } from './gradient-check';
import { l2Normalise } from './normalise';

const vectors = tf.tensor2d([
  [3, 4],
  [0, 0],
]);

test('rows have length 1, zeros stay zeros', () => {
  const values = Array.from(l2Normalise(vectors).dataSync());
  expect(values).toEqual([0.6, 0.8, 0, 0].map((value) => expect.closeTo(value, 6)));
});

test('columns are normalised along axis 0', () => {
  const values = Array.from(l2Normalise(vectors.transpose() as Tensor2D, 0).dataSync());
  expect(values).toEqual([0.6, 0, 0.8, 0].map((value) => expect.closeTo(value, 6)));
});

test('has the gradient of central differences', () => {
  expect(gradientErrors((x) => l2Normalise(x as Tensor2D), [randomValues('x', [4, 6])])[0]).toBeLessThan(1e-3);
});

test('the gradient at 0 is finite: 1 / epsilon', () => {
  const gradient = tf.grad((x) => l2Normalise(x as Tensor2D, 1, 1e-3))(tf.zeros([1, 2]));
  expect(Array.from(gradient.dataSync())).toEqual([1000, 1000].map((value) => expect.closeTo(value, 2)));
});

test('nothing leaks', () => {
  expect(leaked(() => tf.grad((x) => l2Normalise(x as Tensor2D))(vectors))).toBe(0);
});
