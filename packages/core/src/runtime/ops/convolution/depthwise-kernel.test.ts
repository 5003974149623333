import { createHash } from 'node:crypto';
import { randomValues } from '../../../../test/gradient-check';
import { printedWithThreads } from '../../../../test/with-threads';
import { attr, execute, executeAll, hasKernel } from '../../binding';
import { Program } from '../../program';
import { State } from '../../state';
import { type Tensor, type Tensor4D, tf } from '../../tensorflow';
import { depthwiseConv2d, opsDepthwiseConv2d } from './depthwise';

const onCpu = hasKernel('HeadshareDepthwise') && hasKernel('HeadshareDepthwiseGrad') ? test : test.skip;

interface Case {
  readonly x: readonly [number, number, number, number];
  readonly kernel: readonly [number, number];
  readonly stride?: number;
  readonly padding?: number;
}

/** y, and the gradients of sum(y weights) by x and filter. */
function evaluate(op: typeof depthwiseConv2d, { x: shape, kernel, ...options }: Case): [Tensor, Tensor, Tensor] {
  return tf.tidy(() => {
    const x = randomValues('x', shape) as Tensor4D;
    const filter = randomValues('filter', [...kernel, shape[3], 1]) as Tensor4D;
    const y = op(x, filter, options);
    const weights = randomValues('weights', y.shape);
    const gradients = tf.grads((a, f) => tf.mul(op(a as Tensor4D, f as Tensor4D, options), weights))([x, filter]);
    return [y, ...(gradients as [Tensor, Tensor])];
  });
}

const largestDifference = (one: Tensor, other: Tensor): number =>
  tf.tidy(() => tf.max(tf.abs(tf.sub(one, other))).dataSync()[0] ?? Number.NaN);

function expectAgreement(one: Case): void {
  const [kernel, operations] = [evaluate(depthwiseConv2d, one), evaluate(opsDepthwiseConv2d, one)];
  expect(kernel.map((tensor) => tensor.shape)).toEqual(operations.map((tensor) => tensor.shape));
  const [y, dx, dfilter] = kernel.map((tensor, i) => largestDifference(tensor, operations[i] as Tensor));
  // Sums of up to 49 values below 1, and of one for each pixel of y, added in another order.
  expect(y).toBeLessThan(1e-5);
  expect(dx).toBeLessThan(1e-5);
  expect(dfilter).toBeLessThan(1e-3);
  tf.dispose([...kernel, ...operations]);
}

const sizes = [
  ['the first layers of a network', { x: [2, 12, 12, 64], kernel: [3, 3], padding: 1 }],
  ['one channel', { x: [3, 9, 8, 1], kernel: [3, 3], padding: 1 }],
  ['three channels at stride 2', { x: [3, 9, 8, 3], kernel: [3, 3], stride: 2, padding: 1 }],
  ['one row', { x: [2, 1, 11, 17], kernel: [3, 3], padding: 1 }],
  ['one column at stride 2', { x: [2, 11, 1, 17], kernel: [3, 3], stride: 2, padding: 1 }],
  ['one pixel', { x: [5, 1, 1, 16], kernel: [3, 3], padding: 1 }],
  ['one pixel at stride 2', { x: [5, 1, 1, 16], kernel: [3, 3], stride: 2, padding: 1 }],
  ['a global filter', { x: [9, 7, 7, 67], kernel: [7, 7] }],
  ['an oblong filter', { x: [2, 9, 12, 19], kernel: [3, 5], padding: 1 }],
  ['rows that no filter tap reaches', { x: [2, 8, 8, 19], kernel: [1, 1], stride: 3 }],
  ['maps over several chunks and threads', { x: [5, 31, 29, 67], kernel: [3, 3], padding: 1 }],
  ['several chunks at stride 2', { x: [5, 41, 39, 67], kernel: [3, 3], stride: 2, padding: 1 }],
  // Beyond 8 MB.
  ['tensors that are written past the caches', { x: [9, 62, 61, 64], kernel: [3, 3], padding: 1 }],
  ['large tensors at stride 2', { x: [3, 122, 123, 64], kernel: [3, 3], stride: 2, padding: 1 }],
] satisfies [string, Case][];

describe('the kernel and TensorFlow operations agree on values and both gradients', () => {
  onCpu.each<[string, Case]>(sizes)('for %s', (_, one) => expectAgreement(one));

  onCpu.each([1, 2, 3])('for kernels, paddings and channels of all sizes at stride %d', (stride) => {
    for (const size of [1, 3, 5, 7]) {
      for (const padding of [0, 1, 2, 3]) {
        for (const channels of [3, 16, 17, 64]) {
          const [h, w] = [7 + padding, 10 - padding];
          expectAgreement({ x: [2, h, w, channels], kernel: [size, size], stride, padding });
        }
      }
    }
  });

  // The last pixels of a row are done together in another way for each remainder.
  onCpu.each([1, 2])('for rows of all lengths at stride %d', (stride) => {
    for (let width = 1; width <= 17; width++) {
      expectAgreement({ x: [2, 18 - width, width, 19], kernel: [3, 3], stride, padding: 1 });
    }
  });
});

const digest = (tensors: readonly Tensor[]): string => {
  const hash = createHash('sha256');
  for (const tensor of tensors) hash.update(new Uint8Array(tensor.dataSync().buffer));
  return hash.digest('hex');
};
const chunked: Case = { x: [5, 31, 29, 67], kernel: [3, 3], padding: 1 };

onCpu('repeated calls give the same bits, on any threads', () => {
  const first = digest(evaluate(depthwiseConv2d, chunked));
  for (let call = 0; call < 10; call++) expect(digest(evaluate(depthwiseConv2d, chunked))).toBe(first);
});

onCpu('one thread gives the bits that three give', () => {
  const script = `
    const { executeAll, execute, attr } = require('./src/runtime/binding');
    const { tf } = require('./src/runtime/tensorflow');
    const [x, filter, dy] = [[5, 31, 29, 67], [3, 3, 67, 1], [5, 31, 29, 67]].map((shape) =>
      tf.sin(tf.range(0, shape.reduce((a, b) => a * b))).reshape(shape));
    const own = [attr.int('stride', 1), attr.int('padding', 1)];
    const relu = attr.string('activation', 'relu');
    const norm = [tf.range(1, 68), tf.zeros([67]), tf.zeros([67]), tf.ones([67]), tf.zeros([0])];
    const all = [
      execute('HeadshareDepthwise', own, [x, filter, tf.zeros([31, 29, 0])]),
      ...executeAll('HeadshareDepthwiseGrad', own, [dy, x, filter], 2),
      execute('HeadshareDepthwiseNormalised', [...own, relu], [x, filter, tf.zeros([31, 29, 0]), ...norm]),
      ...executeAll('HeadshareDepthwiseNormalisedGrad', [...own, relu], [dy, x, filter, ...norm], 2),
    ];
    const hash = require('node:crypto').createHash('sha256');
    for (const tensor of all) hash.update(new Uint8Array(tensor.dataSync().buffer));
    console.log(hash.digest('hex'));`;
  const run = (threads: number) => printedWithThreads(threads, '-e', script).trim();
  const one = run(1);
  expect(one).toMatch(/^[0-9a-f]{64}$/);
  expect(run(3)).toBe(one);
});

onCpu("with no images, the filter's gradient is 0", () => {
  const [y, dx, dfilter] = evaluate(depthwiseConv2d, { x: [0, 5, 6, 3], kernel: [3, 3], padding: 1 });
  expect([y.shape, dx.shape]).toEqual([
    [0, 5, 6, 3],
    [0, 5, 6, 3],
  ]);
  expect(Array.from(dfilter.dataSync())).toEqual(Array(27).fill(0));
});

onCpu('a NaN reaches the outputs under its filter, and padding makes none of an infinite tap', () => {
  const x = tf.tensor4d([Number.NaN, 1, 1, 1, 1], [1, 1, 5, 1]);
  const ones = tf.ones([3, 3, 1, 1]) as Tensor4D;
  expect(Array.from(depthwiseConv2d(x, ones, { padding: 1 }).dataSync())).toEqual([Number.NaN, Number.NaN, 3, 3, 2]);
  const infinite = tf.fill([3, 3, 1, 1], Number.POSITIVE_INFINITY) as Tensor4D;
  const y = depthwiseConv2d(tf.ones([1, 1, 5, 1]) as Tensor4D, infinite, { padding: 1 });
  expect(Array.from(y.dataSync())).toEqual(Array(5).fill(Number.POSITIVE_INFINITY));
});

describe('arguments that do not fit are refused', () => {
  const own = (stride: number, padding: number) => [attr.int('stride', stride), attr.int('padding', padding)];
  const norm = (sizes: readonly number[]) => sizes.map((size) => tf.zeros([size]));
  const forward = (x: number[], filter: number[], size: number[], [stride, padding] = [1, 1] as [number, number]) =>
    execute('HeadshareDepthwise', own(stride, padding), [tf.zeros(x), tf.zeros(filter), tf.zeros(size)]);

  onCpu.each<[string, () => unknown]>([
    ['x must be [batch, height, width, channels]; got [4,4,2].', () => forward([4, 4, 2], [3, 3, 2, 1], [4, 4, 0])],
    [
      "filter must be [height, width, channels, 1] with x's channels; got filter [3,3,3,1] for x [1,4,4,2].",
      () => forward([1, 4, 4, 2], [3, 3, 3, 1], [4, 4, 0]),
    ],
    ['y must be [1,4,4,2]; asked for was [1,3,4,2].', () => forward([1, 4, 4, 2], [3, 3, 2, 1], [3, 4, 0])],
    ['size must be [height, width, 0]; got [4,4].', () => forward([1, 4, 4, 2], [3, 3, 2, 1], [4, 4])],
    [
      'filter must not be larger than the padded map; got filter [7,7,2,1] and padding 1 for x [1,4,4,2].',
      () => forward([1, 4, 4, 2], [7, 7, 2, 1], [1, 1, 0]),
    ],
    [
      'stride must be at least 1 and padding at least 0; got 0 and 1.',
      () => forward([1, 4, 4, 2], [3, 3, 2, 1], [4, 4, 0], [0, 1]),
    ],
    [
      'y must be [1,2,2,2]; asked for was [1,4,4,2].',
      () =>
        executeAll(
          'HeadshareDepthwiseGrad',
          own(2, 1),
          [tf.zeros([1, 4, 4, 2]), tf.zeros([1, 4, 4, 2]), tf.zeros([3, 3, 2, 1])],
          2,
        ),
    ],
    [
      'HeadshareDepthwiseNormalised: slope must be a vector with one element for each channel of x; got [3] for x [1,4,4,2].',
      () =>
        execute(
          'HeadshareDepthwiseNormalised',
          [...own(1, 1), attr.string('activation', 'prelu')],
          [tf.zeros([1, 4, 4, 2]), tf.zeros([3, 3, 2, 1]), tf.zeros([4, 4, 0]), ...norm([2, 2, 2, 2, 3])],
        ),
    ],
    [
      'HeadshareDepthwiseNormalisedGrad: inverse must be a vector with one element for each channel of x; got [4]',
      () =>
        executeAll(
          'HeadshareDepthwiseNormalisedGrad',
          [...own(1, 1), attr.string('activation', 'relu')],
          [tf.zeros([1, 4, 4, 2]), tf.zeros([1, 4, 4, 2]), tf.zeros([3, 3, 2, 1]), ...norm([2, 2, 2, 4, 0])],
          2,
        ),
    ],
  ])('%s', (message, call) => expect(call).toThrow(message));
});

onCpu("a compiled step knows the shape of its convolution and gives the eager step's results", async () => {
  const shape = [4, 33, 33, 67];
  const run = async (eager: boolean) => {
    const state = new State();
    const values = Float32Array.from(randomValues('filter', [3, 3, 67, 1]).dataSync());
    const filter = state.declare('filter', 'trainable', [3, 3, 67, 1], values);
    const program = new Program(state, { eager });
    const step = program.define('convolve', { x: { dtype: 'float32', shape } }, ({ x }) => {
      const op = (a: Tensor, f: Tensor) => depthwiseConv2d(a as Tensor4D, f as Tensor4D, { stride: 2, padding: 1 });
      // A second convolution, whose own shape and padding follow from the first one's.
      const both = (a: Tensor, f: Tensor) => opsDepthwiseConv2d(op(a, f) as Tensor4D, f as Tensor4D, { padding: 1 });
      const [dx, dfilter] = tf.grads((a, f) => tf.square(both(a as Tensor, f as Tensor)))([x, filter]);
      return { dx: dx as Tensor, dfilter: dfilter as Tensor };
    });
    const results = await step({ x: Float32Array.from(randomValues('x', shape).dataSync()) });
    program.dispose();
    return results;
  };
  const [eager, compiled] = [await run(true), await run(false)];
  expect(compiled.dx).toEqual(eager.dx);
  for (const [i, value] of eager.dfilter.entries()) expect(compiled.dfilter[i]).toBeCloseTo(value, 0);
});
