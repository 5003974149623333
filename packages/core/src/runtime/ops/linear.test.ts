import { float64GradientErrors } from '../../../test/float64-gradient-check';
import { leaked, randomValues } from '../../../test/gradient-check';
import { type Tensor, type Tensor2D, type Tensor4D, tf } from '../tensorflow';
import { addBias, linear } from './linear';

const values = (tensor: Tensor) => Array.from(tensor.dataSync());
const x = tf.tensor2d([[1, 2]]);
const weight = tf.tensor2d([
  [1, 2, 3],
  [10, 20, 30],
]);
const bias = tf.tensor1d([0.5, 0, -0.5]);

test('linear multiplies rows by the weight and adds the bias', () => {
  expect(values(linear(x, weight))).toEqual([21, 42, 63]);
  expect(values(linear(x, weight, bias))).toEqual([21.5, 42, 62.5]);
});

test('addBias adds one bias per channel of an image', () => {
  expect(values(addBias(tf.zeros([1, 2, 1, 3]) as Tensor4D, bias))).toEqual([0.5, 0, -0.5, 0.5, 0, -0.5]);
});

test.each([
  [3, 5, 2],
  [1, 1, 1],
])('%i rows of %i to %i: the gradients of central differences', async (rows, inputs, outputs) => {
  const op = (...[a, w, b]: Tensor[]) => linear(a as Tensor2D, w as Tensor2D, b);
  const given = [
    randomValues('x', [rows, inputs]),
    randomValues('weight', [inputs, outputs]),
    randomValues('bias', [outputs]),
  ];
  for (const error of await float64GradientErrors(op, given)) expect(error).toBeLessThan(1e-6);
});

test("the gradient of an image's bias is the sum over its pixels", async () => {
  const given = [randomValues('x', [2, 3, 1, 2]), randomValues('bias', [2])];
  const errors = await float64GradientErrors((...[a, b]) => addBias(a as Tensor, b as Tensor), given);
  for (const error of errors) expect(error).toBeLessThan(1e-6);
});

test('arguments that do not fit are refused', () => {
  expect(() => linear(x, tf.zeros([3, 1]))).toThrow('linear: the weight takes 3 inputs, x has 2.');
  expect(() => linear(x, weight, tf.zeros([2]))).toThrow('addBias: 2 biases do not fit x [1,3], which has 3 channels.');
});

test('nothing leaks', () => {
  const step = tf.grads((a, w, b) => linear(a as Tensor2D, w as Tensor2D, b));
  expect(leaked(() => step([x, weight, bias]))).toBe(0);
});
