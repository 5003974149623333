import { float64GradientErrors } from '../../../test/float64-gradient-check';
import { randomValues } from '../../../test/gradient-check';
import { scoped, type Tensor, type Tensor4D, tf } from '../tensorflow';
import { adaptiveAveragePool2d } from './pooling';

/** 0, 1, 2... as an image of one channel. */
const counting = (height: number, width: number) =>
  tf.tensor4d(
    Float32Array.from({ length: height * width }, (_, i) => i),
    [1, height, width, 1],
  );

// Expected values are PyTorch's adaptive_avg_pool2d.
test.each([
  [4, 4, [2, 2], [2.5, 4.5, 10.5, 12.5]],
  [5, 5, [2, 2], [6, 8, 16, 18]],
  [5, 4, [3, 3], [2.5, 3.5, 4.5, 8.5, 9.5, 10.5, 14.5, 15.5, 16.5]],
  [2, 3, [4, 2], [0.5, 1.5, 0.5, 1.5, 3.5, 4.5, 3.5, 4.5]],
] as const)('%i x %i to %j', (height, width, size, expected) => {
  scoped(() => {
    expect(Array.from(adaptiveAveragePool2d(counting(height, width), [...size]).dataSync())).toEqual(
      expected.map((value) => expect.closeTo(value, 5)),
    );
  });
});

test.each([
  [
    [6, 6],
    [3, 2],
  ],
  [
    [5, 7],
    [3, 4],
  ],
] as const)('the gradient of pooling %j to %j', async (from, to) => {
  const op = (x: Tensor) => adaptiveAveragePool2d(x as Tensor4D, [...to]);
  const [error] = await float64GradientErrors(op, [randomValues('x', [2, ...from, 3])]);
  expect(error).toBeLessThan(1e-6);
});

test('a size of 0 is refused', () => {
  expect(() => adaptiveAveragePool2d(counting(2, 2), [0, 1])).toThrow('at least 1, got 0');
});
