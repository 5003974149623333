import { leaked, randomValues } from '../../../../test/gradient-check';
import { printedWithThreads } from '../../../../test/with-threads';
import { execute, hasKernel, shapeTensor } from '../../binding';
import { type Tensor, tf } from '../../tensorflow';
import { convolutionAttrs, filterGradientKernel, kernelFilterGradient } from './filter-convolution';

const onCpu = hasKernel(filterGradientKernel) ? test : test.skip;

type Shape = [number, number, number, number];
/** x's and the filter's shape, and the stride; padding is none for a stride of 2 and half the filter otherwise. */
type Case = readonly [what: string, x: Shape, filter: Shape, stride: 1 | 2];

const cases: readonly Case[] = [
  ['1x1, read in place, several chunks', [8, 16, 16, 16], [1, 1, 16, 32], 1],
  ['1x1, channels that fill no vector', [3, 7, 9, 13], [1, 1, 13, 21], 1],
  ['1x1, more rows and columns than a slice', [5, 6, 6, 264], [1, 1, 264, 328], 1],
  ['1x1, a single pixel', [1, 1, 1, 8], [1, 1, 8, 16], 1],
  ['3x3 of pictures', [4, 17, 23, 3], [3, 3, 3, 16], 1],
  ['3x3 of pictures, stride 2', [4, 33, 33, 3], [3, 3, 3, 24], 2],
  ['3x3, several slices of rows', [2, 9, 9, 40], [3, 3, 40, 5], 1],
  ['3x3, stride 2, several slices of rows', [3, 17, 17, 64], [3, 3, 64, 48], 2],
  ['7x7, stride 2', [2, 37, 37, 3], [7, 7, 3, 64], 2],
  ['a window larger than the map', [2, 2, 3, 4], [5, 5, 4, 4], 1],
  ['2x1', [3, 6, 5, 9], [3, 1, 9, 10], 1],
];

const outputOf = ([, [b, h, w], [kh, kw, , k], stride]: Case): Shape =>
  stride === 1 ? [b, h, w, k] : [b, Math.floor((h - kh) / 2) + 1, Math.floor((w - kw) / 2) + 1, k];

const own = ([, , filter, stride]: Case, image: Tensor, dy: Tensor): Tensor =>
  kernelFilterGradient(image, tf.zeros(filter), dy, {
    stride: [stride, stride],
    before: stride === 1 ? [(filter[0] - 1) / 2, (filter[1] - 1) / 2] : [0, 0],
  });

onCpu.each(cases)('%s: the gradient of TensorFlow', (...given) => {
  const [, x, filter, stride] = given;
  const image = randomValues('x', x);
  const dy = randomValues('dy', outputOf(given));
  const attrs = convolutionAttrs([stride, stride], stride === 1 ? 'SAME' : 'VALID');
  const expected = execute('Conv2DBackpropFilter', attrs, [image, shapeTensor(filter), dy]);
  const found = own(given, image, dy);
  const error = tf.div(tf.max(tf.abs(tf.sub(found, expected))), tf.max(tf.abs(expected)));
  expect(error.dataSync()[0]).toBeLessThan(1e-5);
});

onCpu('without images, the gradient is 0', () => {
  const none: Case = ['', [0, 5, 5, 3], [3, 3, 3, 4], 1];
  expect(Array.from(own(none, tf.zeros(none[1]), tf.zeros([0, 5, 5, 4])).dataSync())).toEqual(Array(108).fill(0));
});

onCpu('a value that is not a number reaches its own channels alone', () => {
  const given: Case = ['', [2, 3, 3, 20], [1, 1, 20, 17], 1];
  const image = tf.zeros(given[1]);
  const dy = tf.buffer([2, 3, 3, 17]);
  dy.set(Number.NaN, 1, 2, 2, 16);
  const found = Array.from(own(given, image, dy.toTensor()).dataSync());
  expect(found.flatMap((value, i) => (Number.isNaN(value) ? [i % 17] : []))).toEqual(Array(20).fill(16));
});

onCpu('one thread and three give the same bits', () => {
  const script = `
    const { execute, attr } = require('./src/runtime/binding');
    const { tf } = require('./src/runtime/tensorflow');
    const hash = require('node:crypto').createHash('sha256');
    for (const [x, filter, y, stride] of [
      [[16, 16, 16, 32], [1, 1, 32, 64], [16, 16, 16, 64], 1], [[16, 33, 33, 3], [3, 3, 3, 32], [16, 16, 16, 32], 2],
      [[16, 17, 17, 64], [3, 3, 64, 64], [16, 8, 8, 64], 2],
    ]) {
      const [image, dy] = [x, y].map((shape) => tf.sin(tf.range(0, shape.reduce((a, b) => a * b))).reshape(shape));
      const own = ['row_stride', 'column_stride', 'top', 'left'].map((name, i) => attr.int(name, i < 2 ? stride : 0));
      const made = execute('HeadshareConvGradFilter', own, [dy, image, tf.zeros(filter)]);
      hash.update(new Uint8Array(made.dataSync().buffer));
    }
    console.log(hash.digest('hex'));`;
  const run = (threads: number) => printedWithThreads(threads, '-e', script).trim();
  const one = run(1);
  expect(one).toMatch(/^[0-9a-f]{64}$/);
  expect(run(3)).toBe(one);
});

onCpu('shapes that do not fit are refused', () => {
  const call = (dy: Shape, x: Shape, filter: Shape, before = 0) =>
    kernelFilterGradient(tf.zeros(x), tf.zeros(filter), tf.zeros(dy), { stride: [1, 1], before: [before, 0] });
  expect(() => call([1, 4, 4, 8], [1, 4, 4, 3], [1, 1, 4, 8])).toThrow("with x's channels");
  expect(() => call([1, 4, 4, 7], [1, 4, 4, 3], [1, 1, 3, 8])).toThrow('dy must be [1,height,width,8]');
  expect(() => call([1, 4, 4, 8], [1, 4, 4, 3], [1, 1, 3, 8], -1)).toThrow('at least');
});

onCpu('no tensor is left behind', () => {
  const given = cases[0] as Case;
  const [image, dy] = [randomValues('x', given[1]), randomValues('dy', outputOf(given))];
  expect(leaked(() => own(given, image, dy))).toBe(0);
});
