import { float64GradientErrors } from '../../../test/float64-gradient-check';
import { leaked, randomValues, wholeNumbers } from '../../../test/gradient-check';
import { type Tensor, type Tensor4D, tf } from '../tensorflow';
import { averagePool2d, globalAveragePool, maxPool2d } from './pooling';

const values = (tensor: Tensor) => Array.from(tensor.dataSync());
const close = (expected: readonly number[]) => expected.map((value) => expect.closeTo(value, 5));
const image = wholeNumbers([1, 5, 6, 1], 7, 11) as Tensor4D;

test("max pooling has PyTorch's numbers: the padding never wins", () => {
  const negative = tf.sub(image, 20) as Tensor4D;
  const square = maxPool2d(negative, { kernel: 3, stride: 2, padding: 1 });
  expect(square.shape).toEqual([1, 3, 3, 1]);
  expect(values(square)).toEqual([-16, -15, -15, -16, -15, -16, -15, -15, -16]);
  const wide = maxPool2d(negative, { kernel: [2, 3], stride: [1, 2], padding: [1, 0] });
  expect(wide.shape).toEqual([1, 6, 2, 1]);
  expect(values(wide)).toEqual([-18, -15, -16, -15, -15, -15, -15, -15, -15, -16, -15, -16]);
});

test('the gradient of max pooling goes to the largest value, once per window', () => {
  const gradient = tf.grad((x) => maxPool2d(x as Tensor4D, { kernel: 3, stride: 2, padding: 1 }))(image);
  // biome-ignore format: numbers from PyTorch 2.13
  expect(values(gradient)).toEqual([
    0, 0, 0, 2, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 1, 0,
  ]);
});

test("average pooling has PyTorch's numbers, with the padding's zeros in the mean", () => {
  const options = { kernel: 3, stride: 2, padding: 1 };
  const ninths = [1, 4, 0, 0, 1, -5, -1, 1, -3];
  expect(values(averagePool2d(image, options))).toEqual(close(ninths.map((value) => value / 9)));
});

test("padding that TensorFlow calls 'same' is counted as PyTorch counts it", () => {
  const ones = tf.ones([1, 3, 3, 1]) as Tensor4D;
  const options = { kernel: 3, stride: 1, padding: 1 };
  const ninths = [4, 6, 4, 6, 9, 6, 4, 6, 4];
  expect(values(averagePool2d(ones, options))).toEqual(close(ninths.map((value) => value / 9)));
});

test('the default stride is the kernel', () => {
  expect(maxPool2d(image, { kernel: [2, 3] }).shape).toEqual([1, 2, 2, 1]);
});

test('global average pooling takes the mean of all pixels', () => {
  const pixels = tf.tensor4d([1, -1, 2, -2, 3, -3, 6, -6], [1, 2, 2, 2]);
  expect(values(globalAveragePool(pixels))).toEqual([3, -3]);
});

const geometries = [
  { kernel: 2 },
  { kernel: 3, stride: 1, padding: 1 },
  { kernel: 3, stride: 2, padding: 1 },
  { kernel: [1, 3], stride: [2, 1], padding: [0, 1] },
  { kernel: 1, stride: 2 },
] as const;

const operations: [string, (x: Tensor4D) => Tensor][] = [
  ...geometries.flatMap((options): [string, (x: Tensor4D) => Tensor][] => [
    [`maxPool2d ${JSON.stringify(options)}`, (x) => maxPool2d(x, options)],
    [`averagePool2d ${JSON.stringify(options)}`, (x) => averagePool2d(x, options)],
  ]),
  ['globalAveragePool', globalAveragePool],
];

test.each(operations)('%s has the gradients of central differences', async (_, op) => {
  for (const shape of [
    [2, 5, 6, 3],
    [1, 7, 3, 1],
  ]) {
    const [error] = await float64GradientErrors((x) => op(x as Tensor4D), [randomValues('x', shape)]);
    expect(error).toBeLessThan(1e-6);
  }
});

test.each(operations)('%s leaks nothing', (_, op) => {
  expect(leaked(() => tf.grad((x) => op(x as Tensor4D))(image))).toBe(0);
});

test('arguments that do not fit are refused', () => {
  expect(() => maxPool2d(image, { kernel: 3, padding: 2 })).toThrow(
    'maxPool2d: the padding must be at most half the kernel 3, got 2.',
  );
  expect(() => averagePool2d(image, { kernel: [6, 2] })).toThrow(
    'averagePool2d: a window of 6 pixels does not fit into the height 5 with padding 0.',
  );
});
