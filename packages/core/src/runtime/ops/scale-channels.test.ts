import { gradientErrors, leaked, randomValues } from '../../../test/gradient-check';
import { attr, execute, hasKernel } from '../binding';
import { type Tensor, type Tensor4D, tf } from '../tensorflow';
import { globalAveragePool } from './pooling';
import { scaleChannels } from './scale-channels';

const onCpu = hasKernel('HeadshareScaleChannels') && hasKernel('HeadshareChannelMeans') ? test : test.skip;

const bits = (tensor: Tensor) => Array.from(tensor.dataSync());

/** The largest has several parts and threads. */
const shapes = [
  [1, 7, 7, 576],
  [3, 1, 1, 5],
  [2, 14, 13, 33],
  [3, 64, 60, 48],
  [0, 4, 4, 3],
];

onCpu.each(shapes)("products and means of [%i, %i, %i, %i] have the bits of TensorFlow's operations", (b, h, w, c) => {
  const x = randomValues('x', [b, h, w, c]) as Tensor4D;
  const factors = randomValues('factors', [b, 1, 1, c]) as Tensor4D;
  expect(bits(scaleChannels(x, factors))).toEqual(bits(tf.mul(x, factors)));
  const pool = [
    attr.type('T', 'float32'),
    attr.ints('ksize', [1, h, w, 1]),
    attr.ints('strides', [1, h, w, 1]),
    attr.string('padding', 'VALID'),
    attr.string('data_format', 'NHWC'),
  ];
  const means = globalAveragePool(x);
  expect(means.shape).toEqual([b, c]);
  expect(bits(means)).toEqual(bits(execute('AvgPool', pool, [x])));
});

test('each channel of an image is multiplied by its factor', () => {
  const x = tf.tensor4d([1, 2, 3, 4, 5, 6, 7, 8], [2, 1, 2, 2]);
  const y = scaleChannels(x, tf.tensor4d([10, 100, -1, 0.5], [2, 1, 1, 2]));
  expect(bits(y)).toEqual([10, 200, 30, 400, -5, 3, -7, 4]);
});

test('the gradients are those of central differences, and nothing leaks', () => {
  const inputs = [randomValues('x', [2, 3, 2, 5]), randomValues('factors', [2, 1, 1, 5])];
  const op = (x: Tensor, factors: Tensor) => scaleChannels(x as Tensor4D, factors as Tensor4D);
  // Linear in each, so a wide step costs nothing.
  for (const error of gradientErrors(op, inputs, 0.5)) expect(error).toBeLessThan(1e-5);
  const loss = (x: Tensor, factors: Tensor) => tf.sum(op(x, factors));
  expect(leaked(() => tf.grads(loss as never)(inputs))).toBe(0);
});

onCpu('factors of another shape are refused', () => {
  const x = tf.zeros([2, 4, 4, 3]) as Tensor4D;
  expect(() => scaleChannels(x, tf.zeros([2, 1, 1, 4]))).toThrow(
    'HeadshareScaleChannels: factors must be [2,1,1,3]; got [2,1,1,4].',
  );
  expect(() => execute('HeadshareChannelMeans', [], [tf.zeros([2, 3])])).toThrow(
    'HeadshareChannelMeans: x must be [batch,height,width,channels]; got [2,3].',
  );
});
