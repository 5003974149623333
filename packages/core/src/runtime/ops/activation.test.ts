import { gradientErrors, leaked, randomValues } from '../../../test/gradient-check';
import { tf } from '../tensorflow';
import { prelu, relu } from './activation';

const x = tf.tensor2d([
  [-2, 3],
  [0, -0.5],
]);

test('relu sets negative values and their gradients to 0', () => {
  expect(relu(x).arraySync()).toEqual([
    [0, 3],
    [0, 0],
  ]);
  expect(
    tf
      .grad((given) => relu(given))(x)
      .arraySync(),
  ).toEqual([
    [0, 1],
    [0, 0],
  ]);
});

test('prelu multiplies negative values by the slope of their channel', () => {
  expect(prelu(x, tf.tensor1d([0.25, 4])).arraySync()).toEqual([
    [-0.5, 3],
    [0, -2],
  ]);
});

test.each([[[6, 3]], [[2, 3, 3, 3]]])('prelu has the gradients of central differences for %j', (shape) => {
  // Values away from 0, where it has a kink.
  const away = tf.tidy(() => {
    const values = randomValues('x', shape);
    return tf.add(values, tf.mul(tf.sign(values), 0.1));
  });
  const errors = gradientErrors(
    (given, slope) => prelu(given ?? x, slope ?? x),
    [away, randomValues('slope', [3])],
    0.05,
  );
  for (const error of errors) expect(error).toBeLessThan(1e-5);
});

test('at 0 prelu multiplies the gradient by the slope, like PyTorch', () => {
  const slope = tf.tensor1d([0.25]);
  expect(
    tf
      .grad((given) => prelu(given, slope))(tf.tensor2d([[0]]))
      .arraySync(),
  ).toEqual([[0.25]]);
});

test('nothing leaks', () => {
  const slope = tf.tensor1d([0.25, 4]);
  expect(leaked(() => tf.grads((a, s) => relu(prelu(a, s)))([x, slope]))).toBe(0);
});
