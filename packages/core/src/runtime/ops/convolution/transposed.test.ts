import { float64GradientErrors } from '../../../../test/float64-gradient-check';
import { leaked, randomValues } from '../../../../test/gradient-check';
import { scoped, type Tensor, type Tensor4D, tf } from '../../tensorflow';
import { transposedConv2d } from './transposed';

/** 0, 1, 2... */
const counting = (shape: readonly number[]) =>
  Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i);

test("PyTorch's filter gives PyTorch's numbers", () => {
  scoped(() => {
    // conv_transpose2d(arange(4).view(1, 2, 1, 2), arange(32).view(2, 1, 4, 4), stride=2, padding=1)
    const x = tf.transpose(tf.tensor4d(counting([1, 2, 1, 2]), [1, 2, 1, 2]), [0, 2, 3, 1]) as Tensor4D;
    const filter = tf.transpose(tf.tensor4d(counting([2, 1, 4, 4]), [2, 1, 4, 4]), [2, 3, 1, 0]) as Tensor4D;
    const y = transposedConv2d(x, filter, { stride: 2, padding: 1 });
    expect(y.shape).toEqual([1, 2, 4, 1]);
    expect(Array.from(y.dataSync())).toEqual([42, 108, 114, 72, 50, 132, 138, 88]);
  });
});

test.each([
  [3, 1, 1],
  [4, 2, 1],
  [3, 2, 0],
])('kernel %i, stride %i, padding %i: its gradients', async (kernel, stride, padding) => {
  const op = (x: Tensor, filter: Tensor) => transposedConv2d(x as Tensor4D, filter as Tensor4D, { stride, padding });
  const inputs = [randomValues('x', [2, 3, 4, 2]), randomValues('filter', [kernel, kernel, 3, 2])];
  for (const error of await float64GradientErrors(op, inputs)) expect(error).toBeLessThan(2e-6);
  expect(leaked(() => op(...(inputs as [Tensor, Tensor])))).toBe(0);
});

test('the gradient for several images, with a stride in columns alone and one channel of results', () => {
  scoped(() => {
    const ones = tf.ones([1, 3, 1, 1]) as Tensor4D;
    const weights = tf.tensor4d(counting([2, 3, 3, 1]), [2, 3, 3, 1]);
    const slope = tf.grad((x) => tf.mul(transposedConv2d(x as Tensor4D, ones, { stride: [1, 2] }), weights));
    expect(Array.from(slope(tf.zeros([2, 3, 1, 1])).dataSync())).toEqual([3, 12, 21, 30, 39, 48]);
  });
});

test('arguments that do not fit are refused', () => {
  const x = tf.zeros([1, 2, 2, 3]) as Tensor4D;
  const filter = (kernel: number, inputs: number) => tf.zeros([kernel, kernel, 4, inputs]) as Tensor4D;
  expect(() => transposedConv2d(x, filter(3, 2))).toThrow('takes 2 channels, the image has 3');
  expect(() => transposedConv2d(x, filter(1, 3), { stride: 2 })).toThrow('smaller than the stride');
});
