import { leaked } from '../../../test/gradient-check';
import { attr, execute, executeAll, hasKernel } from '../binding';
import { Program } from '../program';
import { State } from '../state';
import { type Tensor, tf } from '../tensorflow';
import type { Activation } from './activation';
import { batchNormTraining, type Following, follow, opsBatchNorm } from './batch-norm';

const onCpu = hasKernel('HeadshareBatchNorm') ? test : test.skip;

type Kind = 'none' | 'relu' | 'prelu';

const attrsOf = (activation: Kind) => [
  attr.string('activation', activation),
  attr.float('epsilon', 1e-5),
  attr.float('momentum', 0.1),
];

interface Given {
  readonly x: Tensor;
  readonly gamma: Tensor;
  readonly beta: Tensor;
  readonly slope: Tensor;
  readonly residual: Tensor;
}

/** Values in [-1, 1] without a pattern; drawing hundreds of thousands from tfjs's seeded generator takes seconds. */
const randomValues = (name: string, shape: readonly number[]): Tensor =>
  tf.tidy(() => {
    const size = shape.reduce((a, b) => a * b, 1);
    return tf.reshape(tf.sin(tf.mul(tf.range(1, size + 1), 12.9898 + name.length / 7)), [...shape]);
  });

function given(shape: readonly number[]): Given {
  const channels = shape.slice(-1);
  return {
    x: tf.add(tf.mul(randomValues('x', shape), 3), 5),
    gamma: tf.add(randomValues('gamma', channels), 1.5),
    beta: randomValues('beta', channels),
    slope: randomValues('slope', channels),
    residual: randomValues('residual', shape),
  };
}

/** y, running mean and variance, and the gradients of sum(y weights) by x, gamma, beta, slope and residual. */
function evaluate(kernel: boolean, shape: readonly number[], kind: Kind, adds: boolean): Float32Array[] {
  const channels = shape.slice(-1);
  const mean = tf.variable(randomValues('mean', channels), false);
  const variance = tf.variable(tf.abs(randomValues('variance', channels)), false);
  const values = tf.tidy(() => {
    const { x, gamma, beta, slope, residual } = given(shape);
    const weights = randomValues('weights', shape);
    const op = (x: Tensor, gamma: Tensor, beta: Tensor, slope: Tensor, residual: Tensor): Tensor => {
      const activation: Activation | undefined = kind === 'none' ? undefined : kind === 'relu' ? 'relu' : { slope };
      const following: Following = { activation, ...(adds && { residual }) };
      const variables = { gamma, beta, mean, variance };
      const y = kernel
        ? batchNormTraining(x, variables, following)
        : follow(opsBatchNorm(x, { variables, momentum: 0.1, epsilon: 1e-5 }), following);
      // Everything gets a gradient, also what this combination does not use.
      return tf.add(y, tf.mul(0, tf.add(tf.sum(slope), tf.sum(residual))));
    };
    const y = op(x, gamma, beta, slope, residual);
    const running = [mean.clone(), variance.clone()];
    const gradients = tf.grads((...args) => tf.mul(op(...(args as [Tensor, Tensor, Tensor, Tensor, Tensor])), weights));
    return [y, ...running, ...gradients([x, gamma, beta, slope, residual])].map(
      (tensor) => tensor.dataSync().slice() as Float32Array,
    );
  });
  tf.dispose([mean, variance]);
  return values;
}

/** The largest difference, over the largest value where that is above 1. */
function difference(one: Float32Array, other: Float32Array): number {
  // A plain loop: under jest anything that iterates takes microseconds an element.
  const { abs, max } = Math;
  let [largest, scale] = [0, 1];
  for (let i = 0; i < other.length; i++) {
    const value = other[i] as number;
    largest = max(largest, abs(value - (one[i] as number)));
    scale = max(scale, abs(value));
  }
  return largest / scale;
}

const everyFollowing = (['none', 'relu', 'prelu'] as const).flatMap((kind) =>
  [false, true].map((adds): [string, Kind, boolean] => [`${kind}${adds ? ' and a residual' : ''}`, kind, adds]),
);

describe.each(everyFollowing)('with %s', (_, kind, adds) => {
  onCpu.each([
    ['one channel', [37, 1]],
    ['features', [9, 33]],
    ['one row of pixels', [1, 1, 5, 48]],
    ['odd sizes', [3, 5, 7, 23]],
    ['few channels', [3, 5, 7, 16]],
    ['many', [3, 5, 1, 64]],
    ['several chunks', [3, 31, 29, 35]],
  ])("the kernel and TensorFlow's operations agree for %s", (_, shape) => {
    const names = ['y', 'mean', 'variance', 'dx', 'dgamma', 'dbeta', 'dslope', 'dresidual'];
    const [kernel, operations] = [evaluate(true, shape, kind, adds), evaluate(false, shape, kind, adds)];
    for (const [i, name] of names.entries()) {
      const error = difference(kernel[i] as Float32Array, operations[i] as Float32Array);
      expect({ name, small: error < 2e-5, error }).toMatchObject({ name, small: true });
    }
  });
});

onCpu('a mean far above the deviation loses no digits', () => {
  const x = tf.tidy(() => tf.add(tf.mul(randomValues('x', [4, 9, 9, 35]), 0.01), 100));
  const [mean, variance] = [tf.variable(tf.zeros([35]), false), tf.variable(tf.ones([35]), false)];
  batchNormTraining(x, { gamma: tf.ones([35]), beta: tf.zeros([35]), mean, variance }, { momentum: 1 });
  const values = Array.from(x.dataSync());
  for (const channel of [0, 31, 34]) {
    const own = values.filter((_, i) => i % 35 === channel);
    const exact = own.reduce((sum, v) => sum + v, 0) / own.length;
    const spread = own.reduce((sum, v) => sum + (v - exact) ** 2, 0) / (own.length - 1);
    expect((mean.dataSync()[channel] ?? 0) / exact).toBeCloseTo(1, 6);
    expect((variance.dataSync()[channel] ?? 0) / spread).toBeCloseTo(1, 3);
  }
});

onCpu('repeated calls give the same bits, on any threads', () => {
  // More than half a million elements: fewer stay on one thread.
  const bits = () => evaluate(true, [9, 31, 29, 67], 'prelu', false).map((values) => Buffer.from(values.buffer));
  const first = bits();
  for (let call = 0; call < 3; call++) {
    for (const [i, buffer] of bits().entries()) expect(buffer.equals(first[i] as Buffer)).toBe(true);
  }
});

onCpu('the output computed again has the same bits', () => {
  for (const kind of ['none', 'relu', 'prelu'] as const) {
    const { x, gamma, beta, slope } = given([5, 7, 6, 19]);
    const [start, empty] = [tf.zeros([19]), tf.zeros([0])];
    const bySlope = kind === 'prelu' ? slope : empty;
    const inputs = [x, gamma, beta, start, start, bySlope, empty];
    const [y, mean, inverse] = executeAll('HeadshareBatchNorm', attrsOf(kind), inputs, 5) as [Tensor, Tensor, Tensor];
    const saved = [x, gamma, beta, mean, inverse, bySlope];
    const again = execute('HeadshareBatchNormAgain', attrsOf(kind).slice(0, 1), saved);
    expect(again.dataSync()).toEqual(y.dataSync());
  }
});

onCpu('NaNs stay NaNs, in their channel alone', () => {
  const x = tf.tensor2d([
    [Number.NaN, 1],
    [1, 3],
    [2, 2],
  ]);
  const [mean, variance] = [tf.variable(tf.zeros([2]), false), tf.variable(tf.ones([2]), false)];
  const y = batchNormTraining(x, { gamma: tf.ones([2]), beta: tf.zeros([2]), mean, variance }, { activation: 'relu' });
  const values = Array.from(y.dataSync(), (value) => Math.round(value * 100) / 100);
  expect(values).toEqual([Number.NaN, 0, Number.NaN, 1.22, Number.NaN, 0]);
});

onCpu('an empty batch gives nothing, and its gradients are zero', () => {
  const [x, vector, empty] = [tf.zeros([0, 2, 2, 3]), tf.ones([3]), tf.zeros([0])];
  const attrs = attrsOf('none');
  const made = executeAll('HeadshareBatchNorm', attrs, [x, vector, vector, vector, vector, empty, empty], 5);
  expect(made.map(({ shape }) => shape)).toEqual([[0, 2, 2, 3], [3], [3], [3], [3]]);
  expect(Array.from(made[3]?.dataSync() ?? [])).toEqual([1, 1, 1]);
  const gradients = executeAll(
    'HeadshareBatchNormGrad',
    attrs.slice(0, 1),
    [x, x, vector, vector, vector, vector, empty, empty],
    5,
  );
  expect(Array.from(gradients[1]?.dataSync() ?? [])).toEqual([0, 0, 0]);
});

onCpu('shapes that do not fit are refused', () => {
  const [x, vector, empty] = [tf.zeros([4, 3]), tf.ones([3]), tf.zeros([0])];
  const attrs = attrsOf('relu');
  expect(() =>
    executeAll('HeadshareBatchNorm', attrs, [x, tf.ones([4]), vector, vector, vector, empty, empty], 5),
  ).toThrow('gamma must be a vector with one element for each channel of x; got [4] for x [4,3].');
  expect(() =>
    executeAll('HeadshareBatchNorm', attrs, [x, vector, vector, vector, vector, empty, tf.zeros([3, 4])], 5),
  ).toThrow('residual must have the shape of x; got [3,4] for x [4,3].');
  expect(() => execute('HeadshareBatchNorm', attrs, [x])).toThrow();
  expect(() =>
    execute('HeadshareBatchNormAgain', attrs.slice(0, 1), [x, vector, vector, tf.ones([4]), vector, empty]),
  ).toThrow('batch_mean must be a vector with one element for each channel of x; got [4] for x [4,3].');
});

onCpu('nothing leaks', () => {
  const [mean, variance] = [tf.variable(tf.zeros([3]), false), tf.variable(tf.ones([3]), false)];
  const variables = { gamma: tf.ones([3]), beta: tf.zeros([3]), mean, variance };
  const x = randomValues('x', [4, 3]);
  const gradients = tf.grads((a, r) =>
    batchNormTraining(a as Tensor, variables, { activation: 'relu', residual: r as Tensor }),
  );
  expect(leaked(() => gradients([x, x]))).toBe(0);
});

onCpu.each(everyFollowing)("a compiled step gives the eager step's results, with %s", async (_, kind, adds) => {
  const shape = [4, 17, 17, 40];
  const run = async (eager: boolean) => {
    const state = new State();
    const declare = (name: string, value: number) =>
      state.declare(name, 'statistic', [40], new Float32Array(40).fill(value));
    const variables = {
      gamma: declare('g', 1.5),
      beta: declare('b', 0.1),
      mean: declare('m', 0),
      variance: declare('v', 1),
    };
    const slope = declare('slope', 0.25);
    const program = new Program(state, { eager });
    const activation = kind === 'none' ? undefined : kind === 'relu' ? 'relu' : { slope };
    const step = program.define('step', { x: { dtype: 'float32', shape } }, ({ x }) => {
      // The gradient that reaches the kernel is used by nothing else, so that its memory may be taken over.
      const [dx, dresidual] = tf.grads((a, r) => {
        const following: Following = { activation, ...(adds && { residual: r as Tensor }) };
        const y = batchNormTraining(a as Tensor, variables, following);
        return tf.square(adds ? y : tf.add(y, r as Tensor));
      })([x, tf.mul(x, 0.5)]) as [Tensor, Tensor];
      return { dx, dresidual };
    });
    const outputs = await step({ x: Float32Array.from(randomValues('x', shape).dataSync()) });
    program.pull();
    return { ...outputs, mean: state.get('m')?.variable.dataSync(), variance: state.get('v')?.variable.dataSync() };
  };
  expect(await run(false)).toEqual(await run(true));
});
