import { createHash } from 'node:crypto';
import { gradientErrors, leaked, randomValues } from '../../../../test/gradient-check';
import { printedWithThreads } from '../../../../test/with-threads';
import { attr, execute, hasKernel } from '../../binding';
import { Program } from '../../program';
import { State } from '../../state';
import { type Tensor, type Tensor1D, type Tensor4D, tf } from '../../tensorflow';
import { prelu } from '../activation';
import { filterConvolution } from './filter-convolution';
import type { Epilogue } from './fused-epilogue';
import { type Tile, winogradConv2d, winogradInference, winogradServes } from './winograd';

const onCpu = hasKernel('HeadshareConv3x3') ? test : test.skip;
const geometry = { stride: 1, padding: 1 };
const conv2d = filterConvolution('Conv2D', 'Conv2DBackpropInput', 'Conv2DBackpropFilter');
const directConv2d = (x: Tensor4D, filter: Tensor4D) => conv2d(x, filter, geometry);

type Shape4D = [number, number, number, number];
const random4D = (name: string, shape: Shape4D) => randomValues(name, shape) as Tensor4D;

const withoutBias = (x: Tensor4D, filter: Tensor4D, tile: Tile) =>
  winogradInference(x, filter, { bias: tf.zeros([filter.shape[3]]) as Tensor1D }, tile);

/** y, and the gradients of sum(y weights) by x and by the filter with `outputs` channels out. */
function evaluate(op: typeof winogradConv2d, [batch, h, w, c]: Shape4D, outputs: number): Tensor[] {
  return tf.tidy(() => {
    const x = random4D('x', [batch, h, w, c]);
    const filter = random4D('filter', [3, 3, c, outputs]);
    const weights = random4D('weights', [batch, h, w, outputs]);
    const weighted = (a: Tensor, f: Tensor) => tf.mul(op(a as Tensor4D, f as Tensor4D), weights);
    return [op(x, filter), ...tf.grads((a, f) => weighted(a as Tensor, f as Tensor))([x, filter])];
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
  onCpu.each<[Tile, number]>([
    [2, 3e-6],
    [4, 6e-6],
  ])('on values and both gradients, in tiles of %i', (tile, most) => {
    const kernel = evaluate((x, filter) => winogradConv2d(x, filter, tile), shape, outputs);
    const operations = evaluate(directConv2d, shape, outputs);
    expect(kernel.map((tensor) => tensor.shape)).toEqual(operations.map((tensor) => tensor.shape));
    for (const [i, tensor] of kernel.entries()) {
      expect(relativeDifference(tensor, operations[i] as Tensor)).toBeLessThan(most);
    }
  });
});

onCpu.each<Tile>([2, 4])('the gradients are those of central differences, in tiles of %i', (tile) => {
  const inputs = [randomValues('x', [2, 5, 4, 3]), randomValues('filter', [3, 3, 3, 4])];
  // Linear in each, so a wide step costs nothing.
  const errors = gradientErrors((x, w) => winogradConv2d(x as Tensor4D, w as Tensor4D, tile), inputs, 0.5);
  for (const error of errors) expect(error).toBeLessThan(1e-5);
});

onCpu.each([64, 128, 256])('with %i channels it is about as exact as the direct convolution', (c) => {
  const x = random4D('x', [1, 8, 8, c]);
  const filter = random4D('filter', [3, 3, c, c]);
  const [from, taps] = [x.dataSync(), filter.dataSync()];
  const exact = new Float64Array(8 * 8 * c);
  for (let row = 0; row < 8; row++) {
    for (let column = 0; column < 8; column++) {
      for (let tap = 0; tap < 9; tap++) {
        const [r, s] = [row + Math.floor(tap / 3) - 1, column + (tap % 3) - 1];
        if (r < 0 || s < 0 || r > 7 || s > 7) continue;
        for (let i = 0; i < c; i++) {
          const value = from[(r * 8 + s) * c + i] as number;
          for (let j = 0; j < c; j++) {
            const at = (row * 8 + column) * c + j;
            exact[at] = (exact[at] as number) + value * (taps[(tap * c + i) * c + j] as number);
          }
        }
      }
    }
  }
  const errors = (y: Tensor) => Array.from(y.dataSync(), (value, i) => Math.abs(value - (exact[i] as number)));
  const [small, large] = ([2, 4] as const).map((tile) => errors(winogradConv2d(x, filter, tile))) as [
    number[],
    number[],
  ];
  const direct = errors(directConv2d(x, filter));
  expect(Math.max(...small)).toBeLessThan(2.5 * Math.max(...direct));
  // Sums of squares: 2 and 4 times the errors.
  const squares = (values: number[]) => values.reduce((sum, value) => sum + value ** 2, 0);
  expect(squares(small)).toBeLessThan(2 ** 2 * squares(direct));
  expect(squares(large)).toBeLessThan(4 ** 2 * squares(small));
});

onCpu("an empty batch gives no values, and the filter's gradient is 0", () => {
  const [y, dx, dfilter] = evaluate(winogradConv2d, [0, 4, 4, 3], 2) as [Tensor, Tensor, Tensor];
  expect([y.shape, dx.shape]).toEqual([
    [0, 4, 4, 2],
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
    const [ours, direct] = [winogradConv2d(x, filter).dataSync(), directConv2d(x, filter).dataSync()];
    for (const [i, value] of direct.entries()) {
      if (!Number.isFinite(value)) expect(Number.isFinite(ours[i])).toBe(false);
    }
    // Tiles that do not read it are as they were.
    expect(ours[0]).toBe(4);
    expect(ours[35]).toBe(4);
    const relu = winogradInference(x, filter, { bias: tf.zeros([1]) as Tensor1D, activation: 'relu' });
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
    .flatMap(([shape, outputs]) => [
      ...evaluate((x, filter) => winogradConv2d(x, filter, 2), shape, outputs),
      ...evaluate((x, filter) => winogradConv2d(x, filter, 4), shape, outputs),
    ])
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
      for (const tile of [2, 4]) {
        const op = (a, f) => winogradConv2d(a, f, tile);
        const all = [op(x, filter), ...tf.grads(op)([x, filter])];
        for (const tensor of all) hash.update(Buffer.from(tensor.dataSync().buffer));
      }
    }
    console.log(hash.digest('hex'));`;
  const [one, three] = [1, 3].map((threads) => printedWithThreads(threads, '-e', program));
  expect(one).toMatch(/^[0-9a-f]{64}\n$/);
  expect(three).toBe(one);
});

describe.each<[number, Tile]>([
  [3, 2],
  [16, 2],
  [40, 2],
  [100, 2],
  [3, 4],
  [100, 4],
])('with %i channels out, in tiles of %i', (outputs, tile) => {
  const x = random4D('x', [2, 7, 6, 20]);
  const filter = random4D('filter', [3, 3, 20, outputs]);
  const bias = randomValues('bias', [outputs]) as Tensor1D;
  const residual = random4D('residual', [2, 7, 6, outputs]);

  onCpu('bias, residual and activation equal separate operations, to the bit', () => {
    const y = withoutBias(x, filter, tile);
    const bits = (tensor: Tensor) => Array.from(tensor.dataSync());
    const fused = (epilogue: Epilogue) => bits(winogradInference(x, filter, epilogue, tile));
    expect(bits(y)).toEqual(bits(winogradConv2d(x, filter, tile)));
    expect(fused({ bias })).toEqual(bits(tf.add(y, bias)));
    const sum = tf.add(tf.add(y, bias), residual);
    expect(fused({ bias, residual })).toEqual(bits(sum));
    expect(fused({ bias, residual, activation: 'relu' })).toEqual(bits(tf.relu(sum)));
    const slope = randomValues('slope', [outputs]);
    expect(fused({ bias, residual, activation: { slope } })).toEqual(bits(prelu(sum, slope)));
    expect(fused({ bias, activation: { slope } })).toEqual(bits(prelu(tf.add(y, bias), slope)));
    expect(bits(residual)).toEqual(bits(random4D('residual', [2, 7, 6, outputs])));
  });
});

onCpu('shapes that do not fit are refused', () => {
  const tiles = (outputs: number) => [attr.int('outputs', outputs)];
  const x = tf.zeros([2, 4, 4, 3]) as Tensor4D;
  const filter = tf.zeros([3, 3, 3, 5]) as Tensor4D;
  const bias = tf.zeros([5]) as Tensor1D;
  expect(() => winogradConv2d(x, tf.zeros([1, 1, 3, 5]) as Tensor4D)).toThrow(
    'HeadshareConv3x3: filter must be [3,3,channels in,channels out]; got [1,1,3,5].',
  );
  expect(() => winogradConv2d(x, tf.zeros([3, 3, 2, 5]) as Tensor4D)).toThrow(
    'x must be [batch,height,width,2] for a filter [3,3,2,5]; got [2,4,4,3].',
  );
  expect(() => execute('HeadshareConv3x3GradInput', tiles(2), [x, filter])).toThrow(
    'dy must be [batch,height,width,5] for a filter [3,3,3,5]; got [2,4,4,3].',
  );
  expect(() => execute('HeadshareConv3x3GradFilter', [], [x, x, filter])).toThrow(
    'dy must be [2,4,4,5]; got [2,4,4,3].',
  );
  expect(() => winogradInference(x, filter, { bias: tf.zeros([3]) as Tensor1D })).toThrow(
    'HeadshareConv3x3Fused: bias must be [5]; got [3].',
  );
  expect(() => winogradInference(x, filter, { bias, residual: x })).toThrow(
    'residual must be [2,4,4,5], or [0] for none; got [2,4,4,3].',
  );
  const slope = tf.zeros([4]);
  expect(() => winogradInference(x, filter, { bias, activation: { slope } })).toThrow('slope must be [5]; got [4].');
  const fused = [attr.string('activation', 'none')];
  const none = tf.zeros([0]);
  const transformed = execute('HeadshareConv3x3Filter', tiles(2), [filter]);
  expect(() => execute('HeadshareConv3x3Filter', tiles(2), [x])).toThrow(
    'filter must be [3,3,channels in,channels out]',
  );
  expect(() => execute('HeadshareConv3x3Filter', tiles(3), [filter])).toThrow(
    'a tile must have 2 or 4 outputs; got 3.',
  );
  expect(() => execute('HeadshareConv3x3Fused', fused, [x, filter, bias, none, none])).toThrow(
    'filter must be one that HeadshareConv3x3Filter transformed for bias [5]; got [3,3,3,5].',
  );
  const wide = tf.zeros([2, 4, 4, 4]);
  expect(() => execute('HeadshareConv3x3Fused', fused, [wide, transformed, bias, none, none])).toThrow(
    'x must be [batch,height,width,3]; got [2,4,4,4].',
  );
});

onCpu("a compiled step gives the eager step's results", async () => {
  const shape: Shape4D = [4, 17, 16, 24];
  const run = async (eager: boolean, values: Float32Array) => {
    const state = new State();
    const taps = Float32Array.from(randomValues('filter', [3, 3, 24, 24]).dataSync());
    const filter = state.declare('filter', 'trainable', [3, 3, 24, 24], taps);
    const program = new Program(state, { eager });
    const step = program.define('convolve', { x: { dtype: 'float32', shape } }, ({ x }) => {
      const [dx, dfilter] = tf.grads((a, f) => tf.square(winogradConv2d(a as Tensor4D, f as Tensor4D)))([x, filter]);
      // The residual is used by nothing else, so that its memory may be taken over.
      const residual = tf.square(x) as Tensor4D;
      const bias = tf.fill([24], 0.5) as Tensor1D;
      const fused = winogradInference(x as Tensor4D, filter as unknown as Tensor4D, { bias, residual });
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
  expect(leaked(() => evaluate(winogradConv2d, [2, 4, 4, 16], 16))).toBe(0);
  const filter = random4D('filter', [3, 3, 16, 16]);
  expect(leaked(() => winogradInference(random4D('x', [2, 4, 4, 16]), filter, { bias }))).toBe(0);
});

onCpu('Winograd serves 3x3 filters at stride 1 and padding 1 with enough channels', () => {
  const x = tf.zeros([2, 8, 8, 64]) as Tensor4D;
  const filter = tf.zeros([3, 3, 64, 64]) as Tensor4D;
  expect(winogradServes(x, filter, geometry)).toBe(true);
  expect(winogradServes(x, filter, { stride: 2, padding: 1 })).toBe(false);
  expect(winogradServes(x, filter, { padding: 0 })).toBe(false);
  expect(winogradServes(x, tf.zeros([1, 1, 64, 64]) as Tensor4D, geometry)).toBe(false);
  expect(winogradServes(tf.zeros([2, 8, 8, 3]), tf.zeros([3, 3, 3, 64]), geometry)).toBe(false);
  expect(winogradServes(tf.zeros([64, 1, 1, 64]), filter, geometry)).toBe(false);
  expect(winogradServes(tf.zeros([2, 4, 4, 64]), filter, geometry)).toBe(false);
});
