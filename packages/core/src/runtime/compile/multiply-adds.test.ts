import { contained } from '../contained';
import { conv2d } from '../ops/convolution/conv2d';
import { groupedConv2d } from '../ops/convolution/grouped';
import { packedInference } from '../ops/convolution/packed';
import { linear } from '../ops/linear';
import { type Tensor, type Tensor1D, type Tensor2D, type Tensor4D, tf } from '../tensorflow';
import { multiplyAdds } from './multiply-adds';
import { trace } from './trace';

function counted(shapes: readonly number[][], body: (...inputs: Tensor[]) => Tensor): number {
  const inputs = shapes.map((shape, i) => ({ node: `input${i}`, shape, dtype: 1 }));
  return multiplyAdds(contained(() => trace('a test', [], inputs, (given) => body(...given))));
}
const images = [2, 8, 8, 32];

test.each([
  ['of any size', [5, 5, 32, 7], { stride: 2, padding: 2 }, 2 * 4 * 4 * 7 * 25 * 32],
  ['that Winograd takes fewer for', [3, 3, 32, 64], { padding: 1 }, 2 * 8 * 8 * 64 * 9 * 32],
  ['of strided single pixels', [1, 1, 32, 3], { stride: 2 }, 2 * 4 * 4 * 3 * 32],
])('a convolution %s', (_, filter, options, expected) => {
  expect(counted([images, filter], (x, w) => conv2d(x as Tensor4D, w as Tensor4D, options))).toBe(expected);
});

test('a convolution that evaluation packs', () => {
  const bias = tf.zeros([7]) as Tensor1D;
  const packed = (x?: Tensor, w?: Tensor) => packedInference(x as Tensor4D, w as Tensor4D, { stride: 2 }, { bias });
  expect(counted([images, [3, 3, 32, 7]], packed)).toBe(2 * 3 * 3 * 7 * 9 * 32);
});

test.each([
  [32, [3, 3, 1, 32], 2 * 8 * 8 * 32 * 9],
  [4, [3, 3, 8, 12], 2 * 8 * 8 * 12 * 9 * 8],
])('a convolution in %p groups', (groups, filter, expected) => {
  const grouped = (x?: Tensor, w?: Tensor) => groupedConv2d(x as Tensor4D, w as Tensor4D, groups, { padding: 1 });
  expect(counted([images, filter], grouped)).toBe(expected);
});

test('matrix products, transposed too', () => {
  const product = (x?: Tensor, w?: Tensor) => linear(x as Tensor2D, w as Tensor2D);
  expect(
    counted(
      [
        [2, 30],
        [30, 7],
      ],
      product,
    ),
  ).toBe(2 * 30 * 7);
  expect(
    counted(
      [
        [30, 2],
        [7, 30],
      ],
      (a, b) => tf.matMul(a as Tensor, b as Tensor, true, true),
    ),
  ).toBe(2 * 30 * 7);
});

test('an unknown operation that multiplies is an error, others count nothing', () => {
  const slope = (x?: Tensor, w?: Tensor) => tf.grad((given) => conv2d(given as Tensor4D, w as Tensor4D))(x as Tensor);
  expect(() => counted([images, [1, 1, 32, 3]], slope)).toThrow(
    /The multiply-adds of (HeadshareConvGradInput|Conv2DBackpropInput) are unknown/,
  );
  expect(counted([images, images], (a, b) => tf.mul(a as Tensor, b as Tensor).sum())).toBe(0);
});
