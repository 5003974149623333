import { leaked, wholeNumbers } from '../../test/gradient-check';
import { execute, hasKernel } from '../runtime/binding';
import { scoped, type Tensor, type Tensor4D, tf } from '../runtime/tensorflow';
import { cifar100, imagenet, type Normalisation, normalised, opsNormalised, symmetric } from './normalisation';

const { fround } = Math;

test.each([
  ['symmetric', symmetric],
  ['cifar100', cifar100],
  ['imagenet', imagenet],
  ['of one deviation', { mean: [0.1, 0.2, 0.3], deviation: [0.5, 0.5, 0.5] }],
] as [string, Normalisation][])('%s: each colour less its mean, over its deviation, to the bit', (_, normalisation) => {
  const pixels = Array.from({ length: 2 * 2 * 3 * 3 }, (_, i) => (37 * i) % 256);
  const seen = scoped(() => normalised(tf.tensor4d(pixels, [2, 2, 3, 3]) as Tensor4D, normalisation).dataSync());
  const colour = (values: readonly number[], i: number) => fround(255 * (values[i % 3] as number));
  const { mean, deviation } = normalisation;
  const wanted = pixels.map((pixel, i) => fround(fround(pixel - colour(mean, i)) / colour(deviation, i)));
  expect(Array.from(seen)).toEqual(wanted);
});

const bits = (tensor: Tensor) => Buffer.from(tensor.dataSync().buffer).toString('base64');

// The last one has several parts and threads.
test.each([
  [0, 4, 4],
  [1, 5, 7],
  [3, 224, 223],
])("%i images of %ix%i have the bits of TensorFlow's operations, and so does the gradient", (batch, height, width) => {
  const pixels = wholeNumbers([batch, height, width, 3], 37, 256) as Tensor4D;
  for (const normalisation of [imagenet, symmetric]) {
    const both = [normalised, opsNormalised].map((op) => [
      op(pixels, normalisation),
      tf.grad((x) => op(x as Tensor4D, normalisation))(pixels),
    ]);
    const [kernel, operations] = both.map((tensors) => tensors.map(bits));
    expect(kernel).toEqual(operations);
  }
});

test('nothing leaks', () => {
  const pixels = wholeNumbers([1, 4, 4, 3], 37, 256) as Tensor4D;
  expect(leaked(() => normalised(pixels, imagenet))).toBe(0);
});

(hasKernel('HeadshareNormalise') ? test : test.skip)('means of another number of colours are refused', () => {
  const [x, three] = [tf.zeros([1, 2, 2, 1]), tf.zeros([3])];
  expect(() => execute('HeadshareNormalise', [], [x, three, three])).toThrow(
    'HeadshareNormalise: mean and deviation must be [1]; got [3] and [3].',
  );
});
