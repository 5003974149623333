import { randomValues } from '../../../test/gradient-check';
import { execute, executeAll, hasKernel } from '../binding';
import { Program } from '../program';
import { State } from '../state';
import { type Tensor, tf } from '../tensorflow';
import { opsPrelu, prelu } from './activation';

const onCpu = hasKernel('HeadsharePRelu') ? test : test.skip;

/** y, and the gradients of sum(y weights) by x and alpha. */
function evaluate(op: typeof prelu, shape: readonly number[]): Tensor[] {
  return tf.tidy(() => {
    const [x, alpha, weights] = [shape, shape.slice(-1), shape].map((one, i) => randomValues(`input ${i}`, one)) as [
      Tensor,
      Tensor,
      Tensor,
    ];
    return [op(x, alpha), ...tf.grads((a, s) => tf.mul(op(a as Tensor, s as Tensor), weights))([x, alpha])];
  });
}

const largestDifference = (one: Tensor, other: Tensor): number =>
  tf.tidy(() => tf.max(tf.abs(tf.sub(one, other))).dataSync()[0] ?? Number.NaN);

describe.each([
  ['a vector', [7]],
  ['one row', [1, 33]],
  ['one channel', [37, 1]],
  ['odd sizes', [3, 5, 7, 19]],
  ['rows over several chunks and threads', [9, 31, 29, 67]],
])('the kernel and TensorFlow operations agree for %s', (_, shape) => {
  onCpu('on values and both gradients', () => {
    const kernel = evaluate(prelu, shape);
    const operations = evaluate(opsPrelu, shape);
    expect(kernel.map((tensor) => tensor.shape)).toEqual([shape, shape, shape.slice(-1)]);
    const differences = kernel.map((tensor, i) => largestDifference(tensor, operations[i] as Tensor));
    expect(differences[0]).toBe(0);
    expect(differences[1]).toBe(0);
    // Sums of up to 8000 values below 1, added in another order.
    expect(differences[2]).toBeLessThan(1e-3);
  });
});

onCpu('repeated calls give the same bits, on any threads', () => {
  const bits = () => evaluate(prelu, [9, 31, 29, 67]).map((tensor) => Buffer.from(tensor.dataSync().buffer));
  const first = bits();
  for (let call = 0; call < 10; call++) {
    for (const [i, buffer] of bits().entries()) expect(buffer.equals(first[i] as Buffer)).toBe(true);
  }
});

onCpu.each([[[0, 3]], [[2, 0, 5]], [[4, 0]]])("with an empty tensor %j, the slope's gradient is 0", (shape) => {
  const [y, dx, dalpha] = evaluate(prelu, shape) as [Tensor, Tensor, Tensor];
  expect([y.shape, dx.shape]).toEqual([shape, shape]);
  expect(Array.from(dalpha.dataSync())).toEqual(Array(shape.at(-1)).fill(0));
});

onCpu('NaNs stay NaNs', () => {
  const alpha = tf.tensor1d([0, 0.5]);
  const y = prelu(tf.tensor2d([[Number.NaN, -2]]), alpha);
  expect(Array.from(y.dataSync())).toEqual([Number.NaN, -1]);
  const x = tf.tensor2d([
    [1, -1],
    [Number.NaN, -1],
    [1, 1],
  ]);
  const dy = tf.tensor2d([
    [2, 2],
    [2, 2],
    [2, Number.NaN],
  ]);
  const [dx, dalpha] = executeAll('HeadsharePReluGrad', [], [dy, x, alpha], 2);
  expect(Array.from(dx?.dataSync() ?? [])).toEqual([2, 1, 0, 1, 2, Number.NaN]);
  expect(Array.from(dalpha?.dataSync() ?? [])).toEqual([Number.NaN, Number.NaN]);
});

onCpu('shapes that do not fit are refused', () => {
  const x = tf.zeros([2, 3]);
  expect(() => execute('HeadsharePRelu', [], [x, tf.zeros([2])])).toThrow(
    "alpha must be a vector with one slope for each element of x's last axis; got alpha [2] for x [2,3].",
  );
  expect(() => execute('HeadsharePRelu', [], [tf.scalar(1), tf.zeros([1])])).toThrow('got alpha [1] for x [].');
  expect(() => executeAll('HeadsharePReluGrad', [], [tf.zeros([3, 2]), x, tf.zeros([3])], 2)).toThrow(
    'dy must have the shape of x; got [3,2] for x [2,3].',
  );
});

onCpu("a compiled step gives the eager step's results", async () => {
  const shape = [4, 33, 33, 67];
  const step = (eager: boolean) => {
    const state = new State();
    const slope = state.declare('slope', 'trainable', [67], new Float32Array(67).fill(0.25));
    const program = new Program(state, { eager });
    return program.define('step', { x: { dtype: 'float32', shape } }, ({ x }) => {
      // The gradient that reaches the kernel is used by nothing else, so that its memory may be taken over.
      const [dx, dslope] = tf.grads((a, s) => tf.square(prelu(a as Tensor, s as Tensor)))([x, slope]);
      return { dx: dx as Tensor, dslope: dslope as Tensor };
    });
  };
  const x = Float32Array.from(randomValues('x', shape).dataSync());
  const [eager, compiled] = [await step(true)({ x }), await step(false)({ x })];
  expect(Buffer.from(compiled.dx.buffer).equals(Buffer.from(eager.dx.buffer))).toBe(true);
  expect(compiled.dslope).toEqual(eager.dslope);
});
