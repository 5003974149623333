import { batchNormInference } from '../src/runtime/ops/batch-norm';
import { type Tensor, tf } from '../src/runtime/tensorflow';
import { float64GradientErrors } from './float64-gradient-check';
import { gradientErrors, randomValues } from './gradient-check';

/** tanh, whose gradient is wrong by a factor of 1 + `error`. */
function wrongTanh(error: number) {
  return tf.customGrad((...args) => {
    const [x, save] = args as unknown as [Tensor, (saved: Tensor[]) => void];
    const y = tf.tanh(x);
    save([y]);
    return {
      value: y,
      gradFunc: (dy: Tensor, [out]: Tensor[]) => tf.mul(dy, tf.sub(1, tf.square(out as Tensor))).mul(1 + error),
    };
  });
}

test("a right gradient's error is within float32's rounding", async () => {
  const [error] = await float64GradientErrors(wrongTanh(0), [randomValues('x', [3, 4])]);
  expect(error).toBeLessThan(2e-7);
});

test("finds a gradient's error of 1e-5, which float32 differences miss", async () => {
  const x = randomValues('x', [3, 4]);
  const [error] = await float64GradientErrors(wrongTanh(1e-5), [x]);
  expect(error).toBeCloseTo(1e-5, 6);
  expect(gradientErrors(wrongTanh(0), [x])[0]).toBeGreaterThan(1e-5);
});

test('inputs are varied one by one; constants, float32 or int32, stay fixed', async () => {
  const [labels, factor] = [tf.tensor1d([2, 0], 'int32'), tf.scalar(3)];
  const op = (x: Tensor, y: Tensor) => tf.mul(x, y).mul(tf.oneHot(labels, 3)).mul(factor);
  const inputs = [randomValues('x', [2, 3]), randomValues('y', [2, 3])];
  const errors = await float64GradientErrors((...given) => op(...(given as [Tensor, Tensor])), inputs, [
    labels,
    factor,
  ]);
  expect(errors).toHaveLength(2);
  for (const error of errors) expect(error).toBeLessThan(1e-6);
});

test('the error for an operation without a float64 kernel names it, and no tensor is leaked', async () => {
  const statistic = (value: number) => tf.variable(tf.tensor1d([value]), false);
  const variables = { gamma: tf.ones([1]), beta: tf.zeros([1]), mean: statistic(0), variance: statistic(1) };
  const x = randomValues('x', [2, 2, 2, 1]);
  const before = tf.memory().numTensors;
  const checked = float64GradientErrors((given) => batchNormInference(given, variables), [x], Object.values(variables));
  await expect(checked).rejects.toThrow('FusedBatchNormV3');
  expect(tf.memory().numTensors).toBe(before);
});
