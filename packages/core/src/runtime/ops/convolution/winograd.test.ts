/** When Winograd's kernels are chosen, and what they refuse. */
import { attr, execute, hasKernel } from '../../binding';
import { type Tensor1D, type Tensor4D, tf } from '../../tensorflow';
import type { WindowOptions } from './window';
import { type Algorithm, winogradAlgorithm, winogradConv2d, winogradInference } from './winograd';

const onCpu = hasKernel('HeadshareConv3x3') ? test : test.skip;
const geometry = { stride: 1, padding: 1 };

type Shape4D = [number, number, number, number];

onCpu('serves 3x3 filters at padding 1 with enough channels, tiles and filled tiles', () => {
  const algorithm = (x: Shape4D, filter: Shape4D, options: WindowOptions) =>
    winogradAlgorithm(tf.zeros(x) as Tensor4D, tf.zeros(filter) as Tensor4D, options);
  const filter: Shape4D = [3, 3, 64, 64];
  expect(algorithm([2, 8, 8, 64], filter, geometry)).toBe('tiles2');
  expect(algorithm([16, 8, 8, 64], filter, geometry)).toBe('tiles4');
  expect(algorithm([2, 8, 8, 64], filter, { padding: 0 })).toBeUndefined();
  expect(algorithm([2, 8, 8, 64], [1, 1, 64, 64], geometry)).toBeUndefined();
  expect(algorithm([2, 8, 8, 3], [3, 3, 3, 64], geometry)).toBeUndefined();
  expect(algorithm([64, 1, 1, 64], filter, geometry)).toBeUndefined();
  expect(algorithm([2, 4, 4, 64], filter, geometry)).toBeUndefined();
  const strided = { stride: 2, padding: 1 };
  expect(algorithm([8, 16, 16, 64], filter, strided)).toBe('strided');
  expect(algorithm([2, 8, 8, 64], filter, strided)).toBeUndefined();
  expect(algorithm([8, 16, 16, 64], filter, { stride: [2, 1], padding: 1 })).toBeUndefined();
  expect(algorithm([2, 16, 16, 64], filter, strided)).toBeUndefined();
  // A large filter, and tiles that are hardly filled.
  expect(algorithm([8, 16, 16, 256], [3, 3, 256, 256], strided)).toBeUndefined();
  expect(algorithm([64, 4, 4, 64], filter, strided)).toBeUndefined();
});

onCpu('shapes that do not fit are refused', () => {
  const by = (algorithm: Algorithm) => [attr.string('algorithm', algorithm)];
  const size = (height: number, width: number) => tf.zeros([height, width, 0]);
  const x = tf.zeros([2, 4, 4, 3]) as Tensor4D;
  const filter = tf.zeros([3, 3, 3, 5]) as Tensor4D;
  const bias = tf.zeros([5]) as Tensor1D;
  expect(() => winogradConv2d(x, tf.zeros([1, 1, 3, 5]) as Tensor4D, 'tiles2')).toThrow(
    'HeadshareConv3x3: filter must be [3,3,channels in,channels out]; got [1,1,3,5].',
  );
  expect(() => winogradConv2d(x, tf.zeros([3, 3, 2, 5]) as Tensor4D, 'tiles2')).toThrow(
    'x must be [batch,height,width,2] for a filter [3,3,2,5]; got [2,4,4,3].',
  );
  expect(() => execute('HeadshareConv3x3GradInput', by('tiles2'), [x, filter, size(4, 4)])).toThrow(
    'dy must be [batch,height,width,5] for a filter [3,3,3,5]; got [2,4,4,3].',
  );
  expect(() => execute('HeadshareConv3x3GradFilter', by('tiles2'), [x, x, filter])).toThrow(
    'dy must be [2,4,4,5]; got [2,4,4,3].',
  );
  expect(() => winogradInference(x, filter, { bias: tf.zeros([3]) as Tensor1D }, 'tiles2')).toThrow(
    'HeadshareConv3x3Fused: bias must be [5]; got [3].',
  );
  expect(() => winogradInference(x, filter, { bias, residual: x }, 'tiles2')).toThrow(
    'residual must be [2,4,4,5], or [0] for none; got [2,4,4,3].',
  );
  const slope = tf.zeros([4]);
  expect(() => winogradInference(x, filter, { bias, activation: { slope } }, 'tiles2')).toThrow(
    'slope must be [5]; got [4].',
  );
  const fused = [...by('tiles2'), attr.string('activation', 'none')];
  const none = tf.zeros([0]);
  const transformed = execute('HeadshareConv3x3Filter', by('tiles2'), [filter]);
  expect(() => execute('HeadshareConv3x3Filter', by('tiles2'), [x])).toThrow(
    'filter must be [3,3,channels in,channels out]',
  );
  expect(() => execute('HeadshareConv3x3Filter', [attr.string('algorithm', 'tiles3')], [filter])).toThrow(
    'Value for attr \'algorithm\' of "tiles3" is not in the list',
  );
  expect(() => execute('HeadshareConv3x3Fused', fused, [x, filter, bias, none, none, size(4, 4)])).toThrow(
    'filter must be one that HeadshareConv3x3Filter transformed for bias [5]; got [3,3,3,5].',
  );
  const wide = tf.zeros([2, 4, 4, 4]);
  expect(() => execute('HeadshareConv3x3Fused', fused, [wide, transformed, bias, none, none, size(4, 4)])).toThrow(
    'x must be [batch,height,width,3] for a filter [3,3,3,5]; got [2,4,4,4].',
  );
  const wrong = 'x of [4,4] pixels gives y of [2,2]; got [4,4].';
  expect(() => execute('HeadshareConv3x3', by('strided'), [x, filter, size(4, 4)])).toThrow(wrong);
  expect(() =>
    execute('HeadshareConv3x3GradInput', by('tiles4'), [tf.zeros([2, 4, 4, 5]), filter, size(8, 8)]),
  ).toThrow('x of [8,8] pixels gives y of [8,8]; got [4,4].');
  expect(() => execute('HeadshareConv3x3', by('tiles2'), [x, filter, tf.zeros([4, 4])])).toThrow(
    'size must be [height,width,0]; got [4,4].',
  );
});
