import { float64GradientErrors } from '../../../../test/float64-gradient-check';
import { gradientErrors, leaked, randomValues, wholeNumbers } from '../../../../test/gradient-check';
import { type Tensor, type Tensor4D, tf } from '../../tensorflow';
import { conv2d } from './conv2d';
import { groupedConv2d } from './grouped';
import type { WindowOptions } from './window';

const values = (tensor: Tensor) => Array.from(tensor.dataSync());

test('only channels of the same group are mixed', () => {
  const pixel = tf.tensor4d([1, 2, 3, 4], [1, 1, 1, 4]);
  // [1, 1, 2 inputs a group, 4 outputs]: outputs 0 and 1 see 1 and 2, outputs 2 and 3 see 3 and 4.
  const filter = tf.tensor4d([1, 0, 1, 10, 0, 1, 1, 1], [1, 1, 2, 4]);
  expect(values(groupedConv2d(pixel, filter, 2))).toEqual([1, 2, 7, 34]);
});

test("PyTorch's numbers, with stride, padding and dilation", () => {
  const image = wholeNumbers([1, 4, 5, 4], 7, 11) as Tensor4D;
  const filter = wholeNumbers([2, 2, 2, 2], 5, 7) as Tensor4D;
  const strided = groupedConv2d(image, filter, 2, { stride: [1, 2], padding: [1, 0] });
  expect(strided.shape).toEqual([1, 5, 2, 2]);
  expect(values(strided)).toEqual([
    -4, 11, -6, -18, 12, -11, 42, 13, -23, 5, -15, -15, -25, -12, -28, 23, 19, -3, 18, -5,
  ]);
  // biome-ignore format: numbers from PyTorch 2.13's conv2d
  expect(values(groupedConv2d(image, filter, 2, { dilation: 2, padding: 1 }))).toEqual([
    -17, -7, 12, 16, 0, -15, 10, 20, 8, -6, -5, 16, 18, -7, -22, 16, 15, 17, -20, -7, -5, 19, -28, -46, 20, 32, 2, -44, 11, 17,
    -17, -17, 6, 12, 0, 0, 5, 10, 12, 8,
  ]);
  const depthwise = wholeNumbers([3, 3, 1, 4], 5, 7) as Tensor4D;
  expect(values(groupedConv2d(image, depthwise, 4, { dilation: 2, padding: [2, 1], stride: [2, 1] }))).toEqual([
    1, 19, 23, 5, 1, -40, 1, 3, 23, 19, 1, 6, 11, -16, -22, 8, -5, 23, 14, -9, -2, -16, -2, 2,
  ]);
});

/** Groups, channels of a group, outputs of a group. */
const groupings: [number, number, number][] = [
  [1, 2, 3],
  [3, 1, 1],
  [3, 1, 2],
  [2, 2, 3],
  [2, 4, 1],
];

const geometries: WindowOptions[] = [
  {},
  { padding: 1, stride: 2 },
  { padding: [0, 1], stride: [1, 2] },
  { padding: 2, dilation: 2 },
];

describe.each(groupings)('%i groups of %i channels to %i', (groups, each, outputs) => {
  const x = randomValues('x', [2, 5, 6, groups * each]) as Tensor4D;
  const filter = randomValues('filter', [3, 3, each, groups * outputs]) as Tensor4D;

  test.each(geometries)('%p equals the dense convolution with zeros between groups', (options) => {
    const own = tf.split(filter, groups, 3) as Tensor4D[];
    const none = tf.zerosLike(own[0] as Tensor4D);
    const rows = own.map((_, row) =>
      tf.concat(
        own.map((one, column) => (row === column ? one : none)),
        3,
      ),
    );
    const dense = tf.concat(rows, 2) as Tensor4D;
    const difference = tf.sub(groupedConv2d(x, filter, groups, options), conv2d(x, dense, options));
    expect(Math.max(...values(tf.abs(difference)))).toBeLessThan(3e-6);
  });
});

test.each(geometries)('%p has the gradients of central differences', async (options) => {
  const op = (groups: number) => (given: Tensor[]) =>
    groupedConv2d(given[0] as Tensor4D, given[1] as Tensor4D, groups, options);
  // A depthwise one may be by a kernel of our own, which has no float64.
  const depthwise = [randomValues('x', [1, 5, 4, 2]), randomValues('filter', [3, 3, 1, 4])];
  for (const error of gradientErrors((...given) => op(2)(given), depthwise, 0.5)) expect(error).toBeLessThan(1e-5);
  const byGroup = [randomValues('x', [1, 5, 4, 6]), randomValues('filter', [3, 3, 3, 4])];
  for (const error of await float64GradientErrors((...given) => op(2)(given), byGroup)) {
    expect(error).toBeLessThan(1e-6);
  }
});

test('arguments that do not fit are refused', () => {
  const grouped = (channels: number, filter: [number, number], groups: number) => () =>
    groupedConv2d(tf.zeros([1, 3, 3, channels]) as Tensor4D, tf.zeros([1, 1, ...filter]) as Tensor4D, groups);
  expect(grouped(4, [1, 4], 3)).toThrow('3 groups do not divide 4 channels into 4');
  expect(grouped(4, [2, 3], 2)).toThrow('2 groups do not divide 4 channels into 3');
  expect(grouped(4, [1, 4], 2)).toThrow('the filter takes 1 channels per group, 2 groups of 4 have 2');
});

test('nothing leaks', () => {
  const gradients = (each: number, options: WindowOptions) =>
    tf.grads((x, w) => groupedConv2d(x as Tensor4D, w as Tensor4D, 2, options))([
      randomValues('x', [1, 4, 4, 2 * each]),
      randomValues('filter', [3, 3, each, 2]),
    ]);
  for (const each of [1, 2, 4]) {
    for (const options of geometries) {
      expect(leaked(() => gradients(each, options))).toBe(0);
    }
  }
});
