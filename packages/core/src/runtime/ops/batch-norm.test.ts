import { gradientErrors, leaked, randomValues } from '../../../test/gradient-check';
import { type Tensor, tf } from '../tensorflow';
import { batchNormInference, batchNormTraining } from './batch-norm';

const norm = (gamma: number[], beta: number[], mean: number[], variance: number[]) => ({
  gamma: tf.tensor1d(gamma),
  beta: tf.tensor1d(beta),
  mean: tf.variable(tf.tensor1d(mean)),
  variance: tf.variable(tf.tensor1d(variance)),
});
const values = (tensor: Tensor) => Array.from(tensor.dataSync());
const rounded = (tensor: Tensor) => values(tensor).map((value) => Number(value.toFixed(5)));

test("training normalises by the batch, and moves the running statistics as PyTorch's BatchNorm1d does", () => {
  const variables = norm([2, 1], [0, 10], [0, 1], [1, 1]);
  const x = tf.tensor2d([
    [1, 5],
    [3, 5],
    [5, 5],
    [7, 5],
  ]);
  // Channel 0: mean 4, variance 5 (20 / 3 unbiased).
  const y = batchNormTraining(x, variables, { epsilon: 0, momentum: 0.1 });
  const unit = 2 / Math.sqrt(5);
  expect(values(y.slice([0, 0], [4, 1])).map((value) => value / unit)).toEqual(
    [-3, -1, 1, 3].map((value) => expect.closeTo(value, 5)),
  );
  expect(rounded(variables.mean)).toEqual([0.4, 1.4]);
  expect(rounded(variables.variance)).toEqual([Number((0.9 + 2 / 3).toFixed(5)), 0.9]);
});

test('inference normalises by the running statistics and does not change them', () => {
  const variables = norm([2], [1], [3], [4]);
  const y = batchNormInference(tf.tensor2d([[3], [5]]), variables, { epsilon: 0 });
  expect(values(y)).toEqual([1, 3]);
  expect([values(variables.mean), values(variables.variance)]).toEqual([[3], [4]]);
});

describe.each([[[8, 3]], [[2, 3, 2, 3]]])('%j', (shape) => {
  const inputs = [randomValues('x', shape), randomValues('gamma', [3]), randomValues('beta', [3])];
  const statistics = () => ({
    mean: tf.variable(tf.tensor1d([0.1, -0.2, 0.3])),
    variance: tf.variable(tf.tensor1d([0.5, 1, 2])),
  });
  type Inputs = [Tensor, Tensor, Tensor];

  test('training has the gradients of central differences', () => {
    const running = statistics();
    const errors = gradientErrors(
      (...given) => {
        const [x, gamma, beta] = given as Inputs;
        return batchNormTraining(x, { gamma, beta, ...running });
      },
      inputs,
      0.01,
    );
    for (const error of errors) expect(error).toBeLessThan(1e-3);
  });

  test('inference has the gradients of central differences', () => {
    const running = statistics();
    const errors = gradientErrors(
      (...given) => {
        const [x, gamma, beta] = given as Inputs;
        return batchNormInference(x, { gamma, beta, ...running });
      },
      inputs,
      0.25,
    );
    for (const error of errors) expect(error).toBeLessThan(1e-5);
  });
});

test('a single value per channel cannot be normalised', () => {
  expect(() => batchNormTraining(tf.ones([1, 2]), norm([1, 1], [0, 0], [0, 0], [1, 1]))).toThrow(
    'Batch norm in training needs more than one value a channel, got [1,2].',
  );
});

test('nothing leaks', () => {
  const variables = norm([1, 2], [0, 0], [0, 0], [1, 1]);
  const x = randomValues('x', [4, 2]);
  const step = (gamma: Tensor) => batchNormInference(batchNormTraining(x, { ...variables, gamma }), variables);
  expect(leaked(() => tf.grad(step)(variables.gamma))).toBe(0);
});
