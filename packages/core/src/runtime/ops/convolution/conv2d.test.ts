import { float64GradientErrors } from '../../../../test/float64-gradient-check';
import { gradientErrors, leaked, randomValues, wholeNumbers } from '../../../../test/gradient-check';
import { type Tensor, type Tensor4D, tf } from '../../tensorflow';
import { conv2d } from './conv2d';
import { depthwiseConv2d } from './depthwise';
import type { WindowOptions } from './window';

const range = (shape: [number, number, number, number], from = 0) => {
  const size = shape.reduce((a, b) => a * b, 1);
  return tf.tensor4d(
    Float32Array.from({ length: size }, (_, i) => i + from),
    shape,
  );
};
const values = (tensor: Tensor) => Array.from(tensor.dataSync());

test("padding 1 at stride 2 is PyTorch's, not 'same'", () => {
  const image = range([1, 4, 4, 1]);
  const ones = tf.ones([3, 3, 1, 1]) as Tensor4D;
  expect(values(conv2d(image, ones, { stride: 2, padding: 1 }))).toEqual([10, 24, 51, 90]);
  expect(values(tf.conv2d(image, ones, 2, 'same'))).toEqual([45, 39, 66, 50]);
});

test('a depthwise convolution filters each channel by its own filter', () => {
  const image = range([1, 2, 2, 2]);
  const filter = tf.tensor4d([1, 10, 1, 10, 1, 10, 1, 10], [2, 2, 2, 1]);
  expect(values(depthwiseConv2d(image, filter))).toEqual([0 + 2 + 4 + 6, 10 * (1 + 3 + 5 + 7)]);
});

test('several images of one channel, with a stride in columns alone and one column of results', () => {
  const ones = tf.ones([1, 2, 1, 1]) as Tensor4D;
  const sums = conv2d(range([2, 3, 3, 1]), ones, { stride: [1, 2] });
  expect(values(sums)).toEqual([0 + 1, 3 + 4, 6 + 7, 9 + 10, 12 + 13, 15 + 16]);
  const slope = tf.grad((x) => conv2d(x as Tensor4D, ones, { stride: [1, 2] }))(range([2, 3, 3, 1]));
  expect(values(slope)).toEqual([1, 1, 0, 1, 1, 0, 1, 1, 0, 1, 1, 0, 1, 1, 0, 1, 1, 0]);
});

test('stride, padding and dilation may differ by direction', () => {
  const image = wholeNumbers([1, 5, 6, 2], 7, 11) as Tensor4D;
  const filter = wholeNumbers([3, 2, 2, 2], 5, 7) as Tensor4D;
  const strided = conv2d(image, filter, { stride: [2, 1], padding: [1, 0] });
  expect(strided.shape).toEqual([1, 3, 5, 2]);
  // biome-ignore format: numbers from PyTorch 2.13's conv2d
  expect(values(strided)).toEqual([
    -40, -3, 10, 8, 16, -3, -22, -3, 6, 8, 18, 18, -12, -10, -9, -5, 16, 22, 8, -6, -16, -20, 8, 8, 10, 14, -10, -24, 14, -40,
  ]);
  const wide = conv2d(image, filter, { dilation: [1, 2], padding: [0, 1] });
  expect(wide.shape).toEqual([1, 3, 6, 2]);
  // biome-ignore format: numbers from PyTorch 2.13's conv2d
  expect(values(wide)).toEqual([
    -16, -23, 25, -2, 39, -8, -35, -3, -10, 24, 5, -20, 35, 4, -34, -5, -9, 22, 38, -6, -14, -1, 5, 5, -13, 9, 39, -8, -35, -3,
    -10, 24, -7, -15, -17, 8,
  ]);
  const both = conv2d(image, filter, { dilation: 2, stride: 2, padding: [2, 1] });
  expect(both.shape).toEqual([1, 3, 3, 2]);
  expect(values(both)).toEqual([-24, 9, -9, 18, 25, -4, -5, -36, 4, -14, -34, 7, 10, 6, 4, -14, 30, -24]);
});

/** A geometry's name, its options, and the filter's height and width. */
const geometries: [string, WindowOptions, [number, number]][] = [
  ['no padding', {}, [3, 3]],
  ["padding that TensorFlow calls 'same'", { padding: 1 }, [3, 3]],
  ['stride 2, padding 1', { stride: 2, padding: 1 }, [3, 3]],
  ['more padding than the filter needs', { padding: 2 }, [2, 2]],
  ['stride and padding by direction', { stride: [1, 2], padding: [0, 1] }, [2, 3]],
  ['a stride that leaves pixels out', { stride: 3 }, [2, 2]],
  ['dilation', { dilation: 2, padding: 2 }, [3, 3]],
  ['dilation across, without padding', { dilation: [1, 2] }, [3, 2]],
  ['dilation and stride', { dilation: [2, 1], stride: 2, padding: 1 }, [3, 3]],
  ['pointwise', {}, [1, 1]],
  ['pointwise, strided', { stride: 2 }, [1, 1]],
  ['pointwise, strided and padded', { stride: [2, 1], padding: 1 }, [1, 1]],
];

describe.each(geometries)('%s', (_, geometry, kernel) => {
  test.each([
    ['3 channels to 2, odd sizes', [2, 5, 4, 3], 2],
    ['one channel, one image', [1, 7, 5, 1], 1],
  ] as const)('%s: gradients of central differences', async (_case, shape, outputs) => {
    const inputs = [randomValues('x', shape), randomValues('filter', [...kernel, shape[3], outputs])];
    const op = (x: Tensor, w: Tensor) => conv2d(x as Tensor4D, w as Tensor4D, geometry);
    const errors = await float64GradientErrors((...given) => op(...(given as [Tensor, Tensor])), inputs);
    for (const error of errors) expect(error).toBeLessThan(1e-6);
  });
});

test.each([[{ stride: 1, padding: 0 }], [{ stride: 1, padding: 1 }], [{ stride: 2, padding: 1 }]])(
  'a depthwise convolution with %p has the gradients of central differences',
  async (geometry) => {
    const inputs = [randomValues('x', [2, 5, 4, 3]), randomValues('filter', [3, 3, 3, 1])];
    const op = (x: Tensor, w: Tensor) => depthwiseConv2d(x as Tensor4D, w as Tensor4D, geometry);
    const errors = gradientErrors((...given) => op(...(given as [Tensor, Tensor])), inputs, 0.5);
    for (const error of errors) expect(error).toBeLessThan(1e-5);
  },
);

test('arguments that do not fit are refused', () => {
  const image = tf.zeros([1, 4, 6, 2]) as Tensor4D;
  const convolved = (filter: [number, number, number, number], options?: WindowOptions) => () =>
    conv2d(image, tf.zeros(filter) as Tensor4D, options);
  expect(convolved([3, 3, 3, 1])).toThrow('the filter takes 3 channels, the image has 2');
  expect(convolved([5, 3, 2, 1])).toThrow('a window of 5 pixels does not fit into the height 4 with padding 0');
  expect(convolved([3, 3, 2, 1], { dilation: [1, 3] })).toThrow('a window of 7 pixels does not fit into the width 6');
  expect(convolved([3, 3, 2, 1], { stride: 0 })).toThrow('the stride must be a whole number of at least 1, got 0');
  expect(convolved([3, 3, 2, 1], { padding: [1, 0.5] })).toThrow('the padding must be a whole number');
});

test('nothing leaks', () => {
  const x = randomValues('x', [1, 4, 4, 2]) as Tensor4D;
  const filter = randomValues('filter', [3, 3, 2, 1]) as Tensor4D;
  const gradients = (options: WindowOptions) =>
    tf.grads((a, w) => conv2d(a as Tensor4D, w as Tensor4D, options))([x, filter]);
  const depthwise = tf.grads((a, w) => depthwiseConv2d(a as Tensor4D, w as Tensor4D, { padding: 1 }));
  expect(leaked(() => gradients({ padding: 1, stride: 2 }))).toBe(0);
  expect(leaked(() => gradients({ padding: 2, dilation: 2, stride: 2 }))).toBe(0);
  expect(leaked(() => depthwise([x, filter]))).toBe(0);
});
