import { float64GradientErrors } from '../../../test/float64-gradient-check';
import { leaked, randomValues } from '../../../test/gradient-check';
import { type Tensor2D, tf } from '../tensorflow';
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

test.each([
  ['rows', 1, [4, 6]],
  ['columns', 0, [4, 6]],
  ['one row', 1, [1, 3]],
  ['rows of one', 1, [3, 1]],
  ['columns of one', 0, [1, 3]],
] as const)('%s: the gradient of central differences', async (_, axis, shape) => {
  const [error] = await float64GradientErrors((x) => l2Normalise(x as Tensor2D, axis), [randomValues('x', shape)]);
  // A vector of one value is its sign, whose gradient is 0.
  if (shape[axis] === 1) expect(error).toBeLessThan(0.5);
  else expect(error).toBeLessThan(1e-6);
});

test('the gradient below epsilon equals central differences', async () => {
  const short = tf.tensor2d([
    [0.003, -0.004],
    [0.3, -0.4],
  ]);
  const [error] = await float64GradientErrors((x) => l2Normalise(x as Tensor2D, 1, 0.01), [short]);
  expect(error).toBeLessThan(1e-6);
});

test('the gradient at 0 is finite: 1 / epsilon', () => {
  const gradient = (axis: 0 | 1) => tf.grad((x) => l2Normalise(x as Tensor2D, axis, 1e-3))(tf.zeros([1, 2]));
  for (const axis of [0, 1] as const) {
    expect(Array.from(gradient(axis).dataSync())).toEqual([1000, 1000].map((value) => expect.closeTo(value, 2)));
  }
});

test('nothing leaks', () => {
  expect(leaked(() => tf.grad((x) => l2Normalise(x as Tensor2D))(vectors))).toBe(0);
});
