import { type Tensor, type Tensor4D, tf } from '../tensorflow';
import { conv2d } from './convolution';
import { depthwiseConv2d } from './depthwise-convolution';
import { gradientErrors, leaked, randomValues } from './gradient-check';
import { groupedConv2d } from './grouped-convolution';

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

test('a grouped convolution mixes the channels of a group only', () => {
  const pixel = tf.tensor4d([1, 2, 3, 4], [1, 1, 1, 4]);
  // [1, 1, 2 inputs a group, 4 outputs]: outputs 0 and 1 see 1 and 2, outputs 2 and 3 see 3 and 4.
  const filter = tf.tensor4d([1, 0, 1, 10, 0, 1, 1, 1], [1, 1, 2, 4]);
  expect(values(groupedConv2d(pixel, filter, 2))).toEqual([1, 2, 7, 34]);
});

const geometries = [
  { stride: 1, padding: 0 },
  { stride: 1, padding: 1 },
  { stride: 2, padding: 1 },
] as const;

describe.each(geometries)('stride $stride, padding $padding', (geometry) => {
  const operations = {
    conv2d: [(x, w) => conv2d(x as Tensor4D, w as Tensor4D, geometry), [3, 3, 4, 3]],
    depthwiseConv2d: [(x, w) => depthwiseConv2d(x as Tensor4D, w as Tensor4D, geometry), [3, 3, 4, 1]],
    groupedConv2d: [(x, w) => groupedConv2d(x as Tensor4D, w as Tensor4D, 2, geometry), [3, 3, 2, 6]],
  } satisfies Record<string, [(x: Tensor, w: Tensor) => Tensor, number[]]>;

  test.each(Object.entries(operations))('%s has the gradients of central differences', (_, [op, filterShape]) => {
    // Linear in each, so a wide step costs nothing.
    const errors = gradientErrors(op, [randomValues('x', [2, 5, 4, 4]), randomValues('filter', filterShape)], 0.5);
    for (const error of errors) expect(error).toBeLessThan(1e-5);
  });
});

test('a grouped convolution is the dense one with zeros between groups', () => {
  const x = randomValues('x', [2, 5, 5, 4]) as Tensor4D;
  const filter = randomValues('filter', [3, 3, 2, 6]) as Tensor4D;
  const [first, second] = tf.split(filter, 2, 3) as [Tensor4D, Tensor4D];
  const none = tf.zerosLike(first);
  const dense = tf.concat([tf.concat([first, none], 2), tf.concat([none, second], 2)], 3) as Tensor4D;
  const difference = tf.sub(groupedConv2d(x, filter, 2, { padding: 1 }), conv2d(x, dense, { padding: 1 }));
  expect(Math.max(...values(tf.abs(difference)))).toBeLessThan(1e-6);
});

test('a pointwise convolution at stride 2 has the gradients of central differences', () => {
  const op = (x: Tensor, w: Tensor) => conv2d(x as Tensor4D, w as Tensor4D, { stride: 2 });
  const inputs = [randomValues('x', [2, 5, 4, 3]), randomValues('filter', [1, 1, 3, 2])];
  for (const error of gradientErrors((...given) => op(...(given as [Tensor, Tensor])), inputs, 0.5)) {
    expect(error).toBeLessThan(1e-5);
  }
});

test('nothing leaks', () => {
  const x = randomValues('x', [1, 4, 4, 2]) as Tensor4D;
  const filter = randomValues('filter', [3, 3, 2, 1]) as Tensor4D;
  const gradients = tf.grads((a, w) => depthwiseConv2d(a as Tensor4D, w as Tensor4D, { padding: 1 }));
  expect(leaked(() => gradients([x, filter]))).toBe(0);
});
