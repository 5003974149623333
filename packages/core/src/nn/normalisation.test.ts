import { scoped, type Tensor4D, tf } from '../runtime/tensorflow';
import { cifar100, imagenet, type Normalisation, normalised, symmetric } from './normalisation';

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
