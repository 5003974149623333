import { createHash } from 'node:crypto';
import { gradientErrors, leaked, randomValues } from '../../../../test/gradient-check';
import { printedWithThreads } from '../../../../test/with-threads';
import { hasKernel } from '../../binding';
import { Program } from '../../program';
import { State } from '../../state';
import { type Tensor, type Tensor1D, type Tensor4D, tf } from '../../tensorflow';
import { prelu } from '../activation';
import { filterConvolution } from './filter-convolution';
import type { Epilogue } from './fused-epilogue';
import { type Algorithm, winogradConv2d, winogradInference } from './winograd';

const onCpu = hasKernel('HeadshareConv3x3') ? test : test.skip;
const geometry = { stride: 1, padding: 1 };
const conv2d = filterConvolution('Conv2D', 'Conv2DBackpropInput', 'Conv2DBackpropFilter');
const directConv2d = (x: Tensor4D, filter: Tensor4D, algorithm: Algorithm) =>
  conv2d(x, filter, algorithm === 'strided' ? { stride: 2, padding: 1 } : geometry);
const algorithms: Algorithm[] = ['tiles2', 'tiles4', 'strided'];

type Shape4D = [number, number, number, number];
const random4D = (name: string, shape: Shape4D) => randomValues(name, shape) as Tensor4D;

const withoutBias = (x: Tensor4D, filter: Tensor4D, algorithm: Algorithm) =>
  winogradInference(x, filter, { bias: tf.zeros([filter.shape[3]]) as Tensor1D }, algorithm);

/** y, and the gradients of sum(y weights) by x and by the filter with `outputs` channels out. */
function evaluate(
  op: typeof winogradConv2d,
  [batch, h, w, c]: Shape4D,
  outputs: number,
  algorithm: Algorithm,
): Tensor[] {
  return tf.tidy(() => {
    const x = random4D('x', [batch, h, w, c]);
    const filter = random4D('filter', [3, 3, c, outputs]);
    const y = op(x, filter, algorithm);
    const weights = random4D('weights', y.shape);
    const weighted = (a: Tensor, f: Tensor) => tf.mul(op(a as Tensor4D, f as Tensor4D, algorithm), weights);
    return [y, ...tf.grads((a, f) => weighted(a as Tensor, f as Tensor))([x, filter])];
  });
}

/** The largest difference over the largest value. */
const relativeDifference = (one: Tensor, other: Tensor): number =>
  tf.tidy(() => {
    const largest = Math.max(tf.max(tf.abs(other)).dataSync()[0] ?? 0, 1e-6);
    return (tf.max(tf.abs(tf.sub(one, other))).dataSync()[0] ?? Number.NaN) / largest;
  });

describe.each<[string, Shape4D, number]>([
  ['one pixel', [2, 1, 1, 5], 7],
  ['one row', [2, 1, 9, 16], 16],
  ['one column', [2, 9, 1, 16], 16],
  ['one channel', [3, 6, 6, 1], 1],
  ['odd sizes', [2, 7, 5, 33], 19],
  ['three channels', [2, 32, 32, 3], 16],
  ['16 channels over many blocks', [8, 32, 32, 16], 16],
  ['64 channels', [4, 8, 8, 64], 64],
  ['100 channels', [3, 9, 10, 100], 36],
  ['more channels out than a slice has', [2, 9, 9, 20], 150],
  ['a few tiles and many channels out', [1, 8, 7, 100], 270],
])('the kernels and TensorFlow operations agree for %s', (_, shape, outputs) => {
  onCpu.each<[Algorithm, number]>([
    ['tiles2', 3e-6],
    ['tiles4', 6e-6],
    ['strided', 6e-6],
  ])('on values and both gradients, by %s', (algorithm, most) => {
    const kernel = evaluate(winogradConv2d, shape, outputs, algorithm);
    const operations = evaluate(directConv2d, shape, outputs, algorithm);
    expect(kernel.map((tensor) => tensor.shape)).toEqual(operations.map((tensor) => tensor.shape));
    for (const [i, tensor] of kernel.entries()) {
      expect(relativeDifference(tensor, operations[i] as Tensor)).toBeLessThan(most);
    }
  });
});

onCpu.each(algorithms)('the gradients are those of central differences, by %s', (algorithm) => {
  const inputs = [randomValues('x', [2, 5, 4, 3]), randomValues('filter', [3, 3, 3, 4])];
  // Linear in each, so a wide step costs nothing.
  const errors = gradientErrors((x, w) => winogradConv2d(x as Tensor4D, w as Tensor4D, algorithm), inputs, 0.5);
  for (const error of errors) expect(error).toBeLessThan(1e-5);
});

/** y by sums of products in float64, of 8x8 pixels of `c` channels and a filter to as many. */
function exactly(x: Tensor4D, filter: Tensor4D, c: number, stride: number): Float64Array {
  const [from, taps, size] = [x.dataSync(), filter.dataSync(), 8 / stride];
  const exact = new Float64Array(size * size * c);
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      for (let tap = 0; tap < 9; tap++) {
        const [r, s] = [row * stride + Math.floor(tap / 3) - 1, column * stride + (tap % 3) - 1];
        if (r < 0 || s < 0 || r > 7 || s > 7) continue;
        for (let i = 0; i < c; i++) {
          const value = from[(r * 8 + s) * c + i] as number;
          for (let j = 0; j < c; j++) {
            const at = (row * size + column) * c + j;
            exact[at] = (exact[at] as number) + value * (taps[(tap * c + i) * c + j] as number);
          }
        }
      }
    }
  }
  return exact;
}

onCpu.each([64, 128, 256])('with %i channels it is about as exact as the direct convolution', (c) => {
  const x = random4D('x', [1, 8, 8, c]);
  const filter = random4D('filter', [3, 3, c, c]);
  const exact = { 1: exactly(x, filter, c, 1), 2: exactly(x, filter, c, 2) };
  const errors = (op: typeof winogradConv2d, algorithm: Algorithm) => {
    const expected = exact[algorithm === 'strided' ? 2 : 1];
    return Array.from(op(x, filter, algorithm).dataSync(), (value, i) => Math.abs(value - (expected[i] as number)));
  };
  // Sums of squares: 2 and 4 times the errors.
  const squares = (values: number[]) => values.reduce((sum, value) => sum + value ** 2, 0);
  for (const algorithm of ['tiles2', 'strided'] as const) {
    const [ours, direct] = [errors(winogradConv2d, algorithm), errors(directConv2d, algorithm)];
    expect(Math.max(...ours)).toBeLessThan(2.5 * Math.max(...direct));
    expect(squares(ours)).toBeLessThan(2 ** 2 * squares(direct));
  }
  const [small, large] = [errors(winogradConv2d, 'tiles2'), errors(winogradConv2d, 'tiles4')];
  expect(squares(large)).toBeLessThan(4 ** 2 * squares(small));
});

onCpu.each(algorithms)("an empty batch gives no values, and the filter's gradient is 0, by %s", (algorithm) => {
  const [y, dx, dfilter] = evaluate(winogradConv2d, [0, 4, 4, 3], 2, algorithm) as [Tensor, Tensor, Tensor];
  const pixels = algorithm === 'strided' ? 2 : 4;
  expect([y.shape, dx.shape]).toEqual([
    [0, pixels, pixels, 2],
    [0, 4, 4, 3],
  ]);
  expect(Array.from(dfilter.dataSync())).toEqual(Array(3 * 3 * 3 * 2).fill(0));
});

onCpu('a NaN or infinite value in a window gives a NaN or infinite output', () => {
  for (const wrong of [Number.NaN, Number.POSITIVE_INFINITY]) {
    const values = new Float32Array(6 * 6).fill(1);
    values[2 * 6 + 3] = wrong;
    const x = tf.tensor4d(values, [1, 6, 6, 1]);
    const filter = tf.ones([3, 3, 1, 1]) as Tensor4D;
    const [ours, direct] = [winogradConv2d, directConv2d].map((op) => op(x, filter, 'tiles2').dataSync()) as [
      Float32Array,
      Float32Array,
    ];
    for (const [i, value] of direct.entries()) {
      if (!Number.isFinite(value)) expect(Number.isFinite(ours[i])).toBe(false);
    }
    // Tiles that do not read it are as they were.
    expect(ours[0]).toBe(4);
    expect(ours[35]).toBe(4);
    const relu = winogradInference(x, filter, { bias: tf.zeros([1]) as Tensor1D, activation: 'relu' }, 'tiles2');
    expect(Number.isFinite(relu.dataSync()[2 * 6 + 3])).toBe(false);
  }
});

const shapes: [Shape4D, number][] = [
  [[9, 16, 15, 40], 72],
  [[4, 8, 8, 64], 130],
  // Fewer tiles than a quarter of the channels out: threads share the transformed input.
  [[1, 8, 7, 100], 270],
];
const digest = () =>
  shapes
    .flatMap(([shape, outputs]) => algorithms.flatMap((one) => evaluate(winogradConv2d, shape, outputs, one)))
    .reduce((hash, tensor) => hash.update(Buffer.from(tensor.dataSync().buffer)), createHash('sha256'))
    .digest('hex');

onCpu('repeated calls give the same bits, on any threads', () => {
  const first = digest();
  for (let call = 0; call < 5; call++) expect(digest()).toBe(first);
});

onCpu('one thread and three give the same bits', () => {
  const program = `
    const { tf } = require('./src/runtime/tensorflow');
    const { winogradConv2d } = require('./src/runtime/ops/convolution/winograd');
    const hash = require('node:crypto').createHash('sha256');
    for (const [shape, outputs] of ${JSON.stringify(shapes)}) {
      const draw = (name, shape) => tf.randomUniform(shape, -1, 1, 'float32', name);
      const [x, filter] = [draw('x', shape), draw('filter', [3, 3, shape[3], outputs])];
      for (const algorithm of ${JSON.stringify(algorithms)}) {
        const op = (a, f) => winogradConv2d(a, f, algorithm);
        const all = [op(x, filter), ...tf.grads(op)([x, filter])];
        for (const tensor of all) hash.update(Buffer.from(tensor.dataSync().buffer));
      }
    }
    console.log(hash.digest('hex'));`;
  const [one, three] = [1, 3].map((threads) => printedWithThreads(threads, '-e', program));
  expect(one).toMatch(/^[0-9a-f]{64}\n$/);
  expect(three).toBe(one);
});

describe.each<[number, Algorithm]>([
  [3, 'tiles2'],
  [16, 'tiles2'],
  [40, 'tiles2'],
  [100, 'tiles2'],
  [3, 'tiles4'],
  [100, 'tiles4'],
  [3, 'strided'],
  [100, 'strided'],
])('with %i channels out, by %s', (outputs, algorithm) => {
  const x = random4D('x', [2, 7, 6, 20]);
  const filter = random4D('filter', [3, 3, 20, outputs]);
  const bias = randomValues('bias', [outputs]) as Tensor1D;
  const [height, width] = algorithm === 'strided' ? [4, 3] : [7, 6];
  const residual = random4D('residual', [2, height, width, outputs]);

  onCpu('bias, residual and activation equal separate operations, to the bit', () => {
    const y = withoutBias(x, filter, algorithm);
    const bits = (tensor: Tensor) => Array.from(tensor.dataSync());
    const fused = (epilogue: Epilogue) => bits(winogradInference(x, filter, epilogue, algorithm));
    expect(bits(y)).toEqual(bits(winogradConv2d(x, filter, algorithm)));
    expect(fused({ bias })).toEqual(bits(tf.add(y, bias)));
    const sum = tf.add(tf.add(y, bias), residual);
    expect(fused({ bias, residual })).toEqual(bits(sum));
    expect(fused({ bias, residual, activation: 'relu' })).toEqual(bits(tf.relu(sum)));
    const slope = randomValues('slope', [outputs]);
    expect(fused({ bias, residual, activation: { slope } })).toEqual(bits(prelu(sum, slope)));
    expect(fused({ bias, activation: { slope } })).toEqual(bits(prelu(tf.add(y, bias), slope)));
    expect(bits(residual)).toEqual(bits(random4D('residual', [2, height, width, outputs])));
  });
});

onCpu.each(algorithms)("a compiled step gives the eager step's results, by %s", async (algorithm) => {
  const shape: Shape4D = [4, 17, 16, 24];
  const run = async (eager: boolean, values: Float32Array) => {
    const state = new State();
    const taps = Float32Array.from(randomValues('filter', [3, 3, 24, 24]).dataSync());
    const filter = state.declare('filter', 'trainable', [3, 3, 24, 24], taps);
    const program = new Program(state, { eager });
    const step = program.define('convolve', { x: { dtype: 'float32', shape } }, ({ x }) => {
      const [dx, dfilter] = tf.grads((a, f) => tf.square(winogradConv2d(a as Tensor4D, f as Tensor4D, algorithm)))([
        x,
        filter,
      ]);
      // The residual is used by nothing else, so that its memory may be taken over.
      const image = tf.square(x) as Tensor4D;
      const residual = algorithm === 'strided' ? tf.avgPool(image, 2, 2, 'same') : image;
      const bias = tf.fill([24], 0.5) as Tensor1D;
      const fused = winogradInference(x as Tensor4D, filter as unknown as Tensor4D, { bias, residual }, algorithm);
      return { dx: dx as Tensor, dfilter: dfilter as Tensor, fused };
    });
    const results = await step({ x: values });
    program.dispose();
    state.dispose();
    return results;
  };
  const x = Float32Array.from(randomValues('x', shape).dataSync());
  const [eager, compiled] = [await run(true, x), await run(false, x)];
  for (const key of ['dx', 'dfilter', 'fused'] as const) {
    expect(Buffer.from(compiled[key].buffer).equals(Buffer.from(eager[key].buffer))).toBe(true);
  }
});

onCpu('nothing leaks', () => {
  const bias = tf.zeros([16]) as Tensor1D;
  for (const algorithm of algorithms) {
    expect(leaked(() => evaluate(winogradConv2d, [2, 4, 4, 16], 16, algorithm))).toBe(0);
  }
  const filter = random4D('filter', [3, 3, 16, 16]);
  expect(leaked(() => winogradInference(random4D('x', [2, 4, 4, 16]), filter, { bias }, 'tiles2'))).toBe(0);
});
