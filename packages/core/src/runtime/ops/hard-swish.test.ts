import { createHash } from 'node:crypto';
import { float64GradientErrors } from '../../../test/float64-gradient-check';
import { leaked, randomValues } from '../../../test/gradient-check';
import { hasKernel } from '../binding';
import { type Tensor, tf } from '../tensorflow';
import { hardSigmoid, hardSwish, opsHardSigmoid, opsHardSwish, relu6 } from './activation';

const x = tf.tensor1d([-4, -3, -1.5, 0, 1.5, 3, 6, 7]);
const values = (op: (x: Tensor) => Tensor) => Array.from(op(x).dataSync());
const slopes = (op: (x: Tensor) => Tensor) => Array.from(tf.grad(op)(x).dataSync());

test('relu6 keeps values between 0 and 6, and their gradients', () => {
  expect(values(relu6)).toEqual([0, 0, 0, 0, 1.5, 3, 6, 6]);
  expect(slopes(relu6)).toEqual([0, 0, 0, 0, 1, 1, 0, 0]);
});

test('hardSigmoid rises from 0 at -3 to 1 at 3', () => {
  expect(values(hardSigmoid)).toEqual([0, 0, 0.25, 0.5, 0.75, 1, 1, 1]);
  expect(slopes(hardSigmoid).map((slope) => 6 * slope)).toEqual(
    [0, 0, 1, 1, 1, 0, 0, 0].map((one) => 6 * Math.fround(one / 6)),
  );
});

test('hardSwish is 0 below -3, x above 3 and a parabola between', () => {
  for (const [i, value] of [0, 0, -0.375, 0, 1.125, 3, 6, 7].entries())
    expect(values(hardSwish)[i]).toBeCloseTo(value, 6);
  for (const [i, slope] of [0, 0, 0, 0.5, 1, 1, 1, 1].entries()) expect(slopes(hardSwish)[i]).toBeCloseTo(slope, 6);
});

test.each([
  ['relu6', relu6],
  ['hardSigmoid', opsHardSigmoid],
  ['hardSwish', opsHardSwish],
] as const)('%s has the gradient of central differences', async (_, op) => {
  const wide = tf.mul(randomValues('x', [2, 3, 5, 3]), 8);
  const [error] = await float64GradientErrors((given) => op(given as Tensor), [wide]);
  expect(error).toBeLessThan(1e-6);
});

const onCpu = hasKernel('HeadshareHardSwish') ? test.each : test.skip.each;

onCpu([
  ['hardSigmoid', hardSigmoid, opsHardSigmoid],
  ['hardSwish', hardSwish, opsHardSwish],
] as const)(
  'the kernel of %s gives the bits of TensorFlow operations, for sizes of one and of several threads',
  (_, own, ops) => {
    for (const shape of [[0, 3], [1], [33], [2, 300, 331]]) {
      tf.tidy(() => {
        const x = tf.mul(randomValues('x', shape), 8);
        const edges = tf.tensor([Number.NaN, -3, 3, -Infinity].slice(0, x.size));
        for (const given of [x, tf.concat([edges, tf.slice(tf.reshape(x, [-1]), 0, x.size - edges.size)])]) {
          const weights = tf.reshape(randomValues('w', shape), given.shape);
          const both = (op: typeof hardSwish) =>
            [op(given), tf.grad((a: Tensor) => tf.mul(op(a), weights))(given)].map(bits);
          expect(both(own)).toEqual(both(ops));
        }
      });
    }
  },
);

const bits = (x: Tensor): string => createHash('sha256').update(x.dataSync()).digest('hex');

test('nothing leaks', () => {
  expect(leaked(() => tf.grad((given) => hardSwish(hardSigmoid(relu6(given))))(x))).toBe(0);
});
