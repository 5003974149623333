import { float64GradientErrors } from '../../../test/float64-gradient-check';
import { leaked, randomValues } from '../../../test/gradient-check';
import { type Tensor, tf } from '../tensorflow';
import { silu } from './activation';

test('silu is x times its sigmoid, far from 0 too', () => {
  const y = silu(tf.tensor1d([-100, Math.log(3), 0, 100])).dataSync();
  expect(y[0]).toBeCloseTo(0, 6);
  expect(y[1]).toBeCloseTo(0.75 * Math.log(3), 6);
  expect(y[2]).toBe(0);
  expect(y[3]).toBe(100);
});

test('silu has the gradient of central differences', async () => {
  const wide = tf.mul(randomValues('x', [2, 3, 5, 3]), 8);
  const [error] = await float64GradientErrors((x) => silu(x as Tensor), [wide]);
  expect(error).toBeLessThan(1e-6);
});

test('nothing leaks', () => {
  expect(leaked(() => tf.grad((x) => silu(x))(tf.tensor1d([-1, 2])))).toBe(0);
});
