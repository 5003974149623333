import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { leaked, randomValues } from '../../../../test/gradient-check';
import { printedWithThreads } from '../../../../test/with-threads';
import { attr, execute, hasKernel } from '../../binding';
import { Program } from '../../program';
import { State } from '../../state';
import { type Tensor, type Tensor1D, type Tensor4D, tf } from '../../tensorflow';
import { type Activation, activate } from '../activation';
import { addBias } from '../linear';
import { filterConvolution } from './filter-convolution';
import { packedConv2d, packedInference, packedServes, packedTrains } from './packed';
import type { WindowOptions } from './window';

const onCpu = hasKernel('HeadshareConvFused') ? test : test.skip;

const conv2d = filterConvolution('Conv2D', 'Conv2DBackpropInput', 'Conv2DBackpropFilter');

type Shape4D = [number, number, number, number];
const random4D = (name: string, shape: Shape4D) => randomValues(name, shape) as Tensor4D;
const random1D = (name: string, size: number) => randomValues(name, [size]) as Tensor1D;

interface Case {
  readonly images: Shape4D;
  readonly kernel: readonly [number, number];
  readonly outputs: number;
  readonly options: WindowOptions;
  readonly residual: boolean;
  readonly activation: 'none' | 'relu' | 'prelu';
}

/**
 * The largest difference between the kernel and TensorFlow's operations over the largest value, or over 1 where the values, which
 * are sums of numbers of this size, cancel each other.
 */
function difference({ images, kernel, outputs, options, residual, activation }: Case): number {
  return tf.tidy(() => {
    const x = random4D('x', images);
    const filter = random4D('filter', [...kernel, images[3], outputs]);
    const bias = random1D('bias', outputs);
    const convolved = conv2d(x, filter, options);
    const added = residual ? random4D('residual', convolved.shape) : undefined;
    const slope = random1D('slope', outputs);
    const following: Activation | undefined =
      activation === 'none' ? undefined : activation === 'relu' ? 'relu' : { slope };
    const before = added ? tf.add(addBias(convolved, bias), added) : addBias(convolved, bias);
    const expected = following ? activate(before, following) : before;
    const actual = packedInference(x, filter, options, { bias, residual: added, activation: following });
    expect(actual.shape).toEqual(expected.shape);
    return relativeDifference(actual, expected);
  });
}

function relativeDifference(actual: Tensor, expected: Tensor): number {
  const largest = Math.max(tf.max(tf.abs(expected)).dataSync()[0] ?? 0, 1);
  return (tf.max(tf.abs(tf.sub(actual, expected))).dataSync()[0] ?? Number.NaN) / largest;
}

/** y, and the gradients of sum(y weights) by x and by the filter. */
function evaluate(
  op: typeof packedConv2d,
  { images, kernel, outputs, options }: Omit<Case, 'residual' | 'activation'>,
) {
  return tf.tidy(() => {
    const [x, filter] = [random4D('x', images), random4D('filter', [...kernel, images[3], outputs])];
    const y = op(x, filter, options);
    const weights = random4D('weights', y.shape);
    const weighted = (a: Tensor, f: Tensor) => tf.mul(op(a as Tensor4D, f as Tensor4D, options), weights);
    return [y, ...tf.grads((a, f) => weighted(a as Tensor, f as Tensor))([x, filter])];
  });
}

onCpu.each<[string, Shape4D, readonly [number, number], number, WindowOptions]>([
  ['single pixels', [3, 9, 10, 64], [1, 1], 96, {}],
  ['single pixels of few channels', [3, 9, 10, 5], [1, 1], 3, {}],
  ['strided single pixels', [2, 9, 10, 32], [1, 1], 40, { stride: 2 }],
  ['one pixel', [1, 1, 1, 16], [1, 1], 16, {}],
  ['a stem', [2, 33, 33, 3], [7, 7], 24, { stride: 2, padding: 3 }],
  ['windows without padding', [2, 8, 7, 20], [3, 2], 33, {}],
  ['a window as large as the map', [2, 7, 7, 32], [7, 7], 48, {}],
  ['windows that lie outside of the map', [1, 2, 2, 4], [1, 1], 4, { padding: 2 }],
  ['many blocks of many channels', [4, 14, 14, 256], [3, 3], 160, { stride: 2, padding: 1 }],
])('the kernel computes what TensorFlow computes for %s', (_, images, kernel, outputs, options) => {
  for (const activation of ['none', 'relu', 'prelu'] as const) {
    for (const residual of [false, true]) {
      expect(difference({ images, kernel, outputs, options, residual, activation })).toBeLessThan(2e-6);
    }
  }
});

const size = (max: number) => fc.integer({ min: 1, max });
const anyConvolution = {
  images: fc.tuple(size(3), size(9), size(9), size(40)),
  kernel: fc.tuple(size(4), size(4)),
  outputs: size(70),
};

onCpu('the kernel computes what TensorFlow computes for any window', () => {
  fc.assert(
    fc.property(
      fc.record({
        ...anyConvolution,
        options: fc.record({ stride: fc.tuple(size(3), size(3)), padding: fc.tuple(fc.nat(3), fc.nat(3)) }),
        residual: fc.boolean(),
        activation: fc.constantFrom('none' as const, 'relu' as const, 'prelu' as const),
      }),
      (given) => {
        const [, height, width] = given.images;
        const { padding } = given.options;
        fc.pre(given.kernel[0] <= height + 2 * padding[0] && given.kernel[1] <= width + 2 * padding[1]);
        // Of one channel, TensorFlow has other values (conv2d.ts).
        fc.pre(given.images[3] > 1 || given.options.stride[0] === given.options.stride[1]);
        expect(difference(given)).toBeLessThan(2e-6);
      },
    ),
    { numRuns: 60 },
  );
});

onCpu("training's value and gradients are TensorFlow's, for any window at stride 1", () => {
  fc.assert(
    fc.property(
      fc.record({ ...anyConvolution, options: fc.record({ padding: fc.tuple(fc.nat(3), fc.nat(3)) }) }),
      (given) => {
        const [[, height, width], { padding }] = [given.images, given.options];
        fc.pre(given.kernel[0] <= height + 2 * padding[0] && given.kernel[1] <= width + 2 * padding[1]);
        fc.pre(padding[0] < given.kernel[0] && padding[1] < given.kernel[1]);
        const [actual, expected] = [evaluate(packedConv2d, given), evaluate(conv2d, given)];
        for (const [i, tensor] of actual.entries()) {
          expect(tensor.shape).toEqual(expected[i]?.shape);
          expect(relativeDifference(tensor, expected[i] as Tensor)).toBeLessThan(3e-6);
        }
        tf.dispose([actual, expected]);
      },
    ),
    { numRuns: 40 },
  );
});

onCpu('training computes small convolutions at stride 1 with the kernels', () => {
  const zeros = (...shape: Shape4D) => tf.zeros(shape) as Tensor4D;
  expect(packedTrains(zeros(64, 8, 8, 32), zeros(1, 1, 32, 64), {})).toBe(true);
  expect(packedTrains(zeros(64, 8, 8, 32), zeros(3, 3, 32, 8), { padding: 1 })).toBe(true);
  expect(packedTrains(zeros(64, 32, 32, 32), zeros(1, 1, 32, 64), {})).toBe(false);
  expect(packedTrains(zeros(64, 8, 8, 32), zeros(1, 1, 32, 64), { stride: 2 })).toBe(false);
  expect(packedTrains(zeros(64, 8, 8, 32), zeros(1, 1, 32, 64), { padding: 1 })).toBe(false);
});

onCpu('NaNs and infinities reach the outputs whose windows contain them, and no others', () => {
  const x = tf.tensor4d([1, Number.NaN, 2, 3, Number.POSITIVE_INFINITY, 4], [1, 1, 6, 1]);
  const y = packedInference(x, tf.ones([1, 1, 1, 1]), {}, { bias: tf.zeros([1]) as Tensor1D, activation: 'relu' });
  expect(Array.from(y.dataSync())).toEqual([1, Number.NaN, 2, 3, Number.POSITIVE_INFINITY, 4]);
});

onCpu('the bits do not depend on the number of threads', () => {
  const script = `
    const { packedConv2d, packedInference } = require('./src/runtime/ops/convolution/packed');
    const { randomValues } = require('./test/gradient-check');
    const { tf } = require('./src/runtime/tensorflow');
    const y = packedInference(
      randomValues('x', [8, 15, 15, 96]), randomValues('f', [3, 3, 96, 200]), { stride: 2, padding: 1 },
      { bias: randomValues('b', [200]) });
    const gradients = tf.grads((x, f) => packedConv2d(x, f, { padding: 1 }))(
      [randomValues('x', [8, 15, 15, 96]), randomValues('f', [3, 3, 96, 200])]);
    const hash = require('node:crypto').createHash('sha256');
    for (const tensor of [y, ...gradients]) hash.update(tensor.dataSync());
    console.log(hash.digest('hex'));`;
  const [one, four] = [1, 4].map((threads) => printedWithThreads(threads, '-e', script));
  expect(one).toMatch(/^[0-9a-f]{64}\n$/);
  expect(four).toBe(one);
});

onCpu("a compiled step gives the eager step's bits", async () => {
  const shape: Shape4D = [4, 17, 16, 24];
  const run = async (eager: boolean, values: Float32Array) => {
    const state = new State();
    const taps = Float32Array.from(randomValues('filter', [1, 1, 24, 24]).dataSync());
    const filter = state.declare('filter', 'trainable', [1, 1, 24, 24], taps) as Tensor as Tensor4D;
    const program = new Program(state, { eager });
    const step = program.define('convolve', { x: { dtype: 'float32', shape } }, ({ x }) => {
      // The residual is used by nothing else, so that its memory may be taken over.
      const residual = tf.square(x) as Tensor4D;
      const trained = (a: Tensor, f: Tensor) => tf.square(packedConv2d(a as Tensor4D, f as Tensor4D, {}));
      const [dx, dfilter] = tf.grads((a, f) => trained(a as Tensor, f as Tensor))([x, filter]) as [Tensor, Tensor];
      const y = packedInference(x as Tensor4D, filter, {}, { bias: tf.fill([24], 0.5) as Tensor1D, residual });
      return { y, dx, dfilter };
    });
    const { y, dx, dfilter } = await step({ x: values });
    program.dispose();
    state.dispose();
    return createHash('sha256').update(y).update(dx).update(dfilter).digest('hex');
  };
  const x = Float32Array.from(randomValues('x', shape).dataSync());
  expect(await run(false, x)).toBe(await run(true, x));
});

onCpu('tensors that do not fit are refused', () => {
  const [x, filter, none, size] = [tf.zeros([2, 4, 4, 3]), tf.zeros([3, 3, 3, 5]), tf.zeros([0]), tf.zeros([4, 4, 0])];
  const bias = tf.zeros([5]);
  const packed = execute('HeadshareConvFilter', [attr.int('rotated', 0)], [filter]);
  const attrs = (kernel: number) => [
    attr.string('activation', 'none'),
    ...Object.entries({ kernel_rows: kernel, kernel_columns: 3, row_stride: 1, column_stride: 1, top: 1, left: 1 }).map(
      ([name, value]) => attr.int(name, value),
    ),
  ];
  const run = (inputs: Tensor[], kernel = 3) => execute('HeadshareConvFused', attrs(kernel), inputs);
  expect(run([x, packed, bias, none, none, size]).shape).toEqual([2, 4, 4, 5]);
  expect(() => run([x, packed, bias, none, none, size], 2)).toThrow(
    'packed must have a row for each of the 6 pixels of the kernel and each channel of x [batch,height,width,channels]',
  );
  expect(() => run([x, packed, tf.zeros([90]), none, none, size])).toThrow(
    'that HeadshareConvFilter packed for bias [90]',
  );
  expect(() => run([x, packed, bias, tf.zeros([2, 4, 4, 4]), none, size])).toThrow(
    'residual must be [2,4,4,5], or [0] for none; got [2,4,4,4].',
  );
  expect(() => run([x, packed, bias, none, bias, size])).toThrow('slope must be [0]; got [5].');
  expect(() => packedInference(x as Tensor4D, filter as Tensor4D, {}, { bias: tf.zeros([4]) as Tensor1D })).toThrow(
    'bias must be [5]; got [4].',
  );
});

onCpu('dilated windows are not served', () => {
  const [x, filter] = [tf.zeros([1, 9, 9, 4]) as Tensor4D, tf.zeros([3, 3, 4, 4]) as Tensor4D];
  expect(packedServes(x, filter, { stride: 2, padding: 1 })).toBe(true);
  expect(packedServes(x, filter, { dilation: 2 })).toBe(false);
});

onCpu('nothing leaks', () => {
  const [filter, bias] = [random4D('filter', [1, 1, 16, 16]), tf.zeros([16]) as Tensor1D];
  expect(leaked(() => packedInference(random4D('x', [2, 4, 4, 16]), filter, {}, { bias }))).toBe(0);
  const given = { images: [2, 4, 4, 16] as Shape4D, kernel: [1, 1] as const, outputs: 8, options: {} };
  expect(leaked(() => evaluate(packedConv2d, given))).toBe(0);
});
