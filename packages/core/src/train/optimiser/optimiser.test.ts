import { minimise } from '../../../test/minimise';
import type { Term } from '../../distill/method';
import { State } from '../../runtime/state';
import { type Scalar, scoped, tf, type Variable } from '../../runtime/tensorflow';
import { type SgdOptions, sgd } from './optimiser';

/** Two weights: `a` starts at (1, 2), `b` at 1. */
function setUp(options: SgdOptions) {
  const state = new State();
  const a = state.declare('a', 'trainable', [2], Float32Array.of(1, 2));
  const b = state.declare('b', 'trainable', [1], Float32Array.of(1));
  const optimiser = sgd(state, state.all('trainable'), options);
  const step = (rate: number, terms: () => Record<string, Term>) =>
    scoped(() => {
      return numbers(minimise(optimiser, tf.scalar(rate), terms));
    });
  /** A step whose gradients are the sums over slices. */
  const slicedStep = (rate: number, slices: readonly (() => Record<string, Term>)[]) =>
    scoped(() => {
      const each = slices.map((terms) => optimiser.gradients(terms));
      const names = new Set(each.flatMap(({ gradients }) => [...gradients.keys()]));
      const sumOf = (name: string) => tf.addN(each.flatMap(({ gradients }) => gradients.get(name) ?? []));
      const gradients = new Map([...names].map((name) => [name, sumOf(name)]));
      const watched = optimiser.update(tf.scalar(rate), { gradients, lossScale: each[0]?.lossScale });
      return { values: each.map(({ values }) => numbers(values)), watched: numbers(watched) };
    });
  const value = (name: string) => Array.from(state.values().get(name)?.values ?? []);
  /** A term with gradient (3, 0) at `a` and 4 at `b`. */
  const both = () => ({
    both: { weight: 1, value: tf.add(tf.mul(3, tf.sum(a.slice(0, 1))), tf.mul(4, tf.sum(b))) as Scalar },
  });
  const onlyA = () => ({ a: { weight: 1, value: tf.mul(3, tf.sum(a.slice(0, 1))) as Scalar } });
  return { state, a, b, step, slicedStep, value, both, onlyA };
}

const numbers = (values: Readonly<Record<string, Scalar>>) =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, value.dataSync()[0]]));

const near = (...values: number[]) => values.map((value) => expect.closeTo(value, 6));

test('plain: w -= rate g; the step returns unweighted terms and their weighted sum', () => {
  const { a, b, step, value } = setUp({});
  const terms = () => ({
    ce: { weight: 2, value: tf.sum(a) as Scalar },
    kd: { weight: 0.5, value: tf.sum(tf.square(b)) as Scalar },
  });
  expect(step(0.1, terms)).toEqual({ loss: 6.5, ce: 3, kd: 1 });
  expect(value('a')).toEqual(near(0.8, 1.8));
  expect(value('b')).toEqual(near(0.9));
});

test('momentum and weight decay like torch.optim.SGD: g += decay w; m = momentum m + g; w -= rate m', () => {
  const { step, value, both } = setUp({ momentum: 0.9, weightDecay: 0.5 });
  step(0.1, both);
  // g = 4 + 0.5; m = 4.5; w = 1 - 0.45. The second element of `a` has gradient 0 and decays all the same.
  expect(value('b')).toEqual(near(0.55));
  expect(value('a')).toEqual(near(1 - 0.35, 2 - 0.1));
  step(0.01, both);
  // g = 4 + 0.275; m = 0.9 * 4.5 + 4.275 = 8.325; w = 0.55 - 0.08325.
  expect(value('b')).toEqual(near(0.46675));
  expect(value('momentum/b')).toEqual(near(8.325));
});

test('a variable that the loss does not depend on keeps its value and its momentum', () => {
  const { step, value, both, onlyA, b } = setUp({ momentum: 0.5, weightDecay: 0.1 });
  step(0.1, both);
  const before = { b: value('b'), slot: value('momentum/b') };
  step(0.1, onlyA);
  expect({ b: value('b'), slot: value('momentum/b') }).toEqual(before);
  const onlyB = () => ({ b: { weight: 1, value: tf.mul(4, tf.sum(b)) as Scalar } });
  const ofA = { a: value('a'), slot: value('momentum/a') };
  step(0.1, onlyB);
  expect({ a: value('a'), slot: value('momentum/a') }).toEqual(ofA);
  expect(value('momentum/b')).toEqual(near(0.5 * 4.1 + 4 + 0.1 * (before.b[0] ?? 0)));
});

test('gradients are clipped by their common norm, before decay, like clip_grad_norm_; the norm is reported', () => {
  const { step, value, both } = setUp({ momentum: 0.9, weightDecay: 0.5, clipNorm: 1 });
  // The norm is 5: (3, 0) and 4 become (0.6, 0) and 0.8.
  expect(step(1, both)).toEqual({ loss: 7, both: 7, gradient_norm: 5 });
  expect(value('momentum/a')).toEqual(near(0.6 + 0.5, 1));
  expect(value('momentum/b')).toEqual(near(0.8 + 0.5));
});

test('gradients within the norm are unchanged', () => {
  const { step, value, both } = setUp({ clipNorm: 6 });
  step(0.1, both);
  expect(value('a')).toEqual(near(0.7, 2));
});

// Expected: three steps of torch.optim.SGD with one parameter group at lr=0.01 and one at lr=0.1.
test('a variable with its own rate moves like a parameter group of PyTorch', () => {
  const options = { momentum: 0.9, weightDecay: 0.1 };
  const { step, value, both } = setUp({ ...options, rateOf: (name) => (name === 'a' ? 0.1 : 1) });
  const plain = setUp(options);
  for (let i = 0; i < 3; i++) {
    step(0.1, both);
    plain.step(0.1, plain.both);
  }
  expect(value('a')).toEqual(near(0.826238751, 1.988789558));
  expect(value('b')).toEqual(near(-1.280460954));
  expect(value('b')).toEqual(plain.value('b'));
});

describe('slices', () => {
  test('a step uses the mean of their gradients', () => {
    const { slicedStep, value, both, onlyA } = setUp({ slices: 4 });
    for (let i = 0; i < 2; i++) {
      slicedStep(0.1, [both, onlyA, onlyA, both]);
      expect(value('a')).toEqual(near(0.7 - i * 0.3, 2));
      expect(value('b')).toEqual(near(0.8 - i * 0.2));
    }
  });

  test('the mean is clipped', () => {
    const { slicedStep, value, both, onlyA } = setUp({ slices: 2, clipNorm: 1 });
    // (3 + 3) / 2 and (0 + 4) / 2.
    expect(slicedStep(1, [onlyA, both]).watched.gradient_norm).toBeCloseTo(Math.hypot(3, 2), 5);
    expect(value('a')).toEqual(near(1 - 3 / Math.hypot(3, 2), 2));
    expect(value('b')).toEqual(near(1 - 2 / Math.hypot(3, 2)));
  });

  test('a term that is a sum over the batch is multiplied by the number of slices', () => {
    const { slicedStep, value, a } = setUp({ slices: 2 });
    const terms = (summed: boolean) => () => ({ a: { weight: 0.5, value: tf.sum(a) as Scalar, summed } });
    expect(slicedStep(1, [terms(true), terms(true)]).values).toEqual([
      { loss: 3, a: 6 },
      { loss: 3, a: 6 },
    ]);
    // Each of the two slices gives twice the gradient 0.5; the step uses their mean.
    expect(value('a')).toEqual(near(0, 1));
    expect(slicedStep(1, [terms(false), terms(false)]).values[0]).toEqual({ loss: 0.5, a: 1 });
  });
});

describe('a scaled loss', () => {
  test('moves weights like an unscaled one; loss and norm are reported unscaled', () => {
    const { slicedStep, value, both } = setUp({ lossScale: 1024, clipNorm: 1, slices: 2 });
    expect(slicedStep(1, [both, both])).toEqual({
      values: [
        { loss: 7, both: 7 },
        { loss: 7, both: 7 },
      ],
      watched: { gradient_norm: 5, loss_scale: 1024 },
    });
    expect(value('a')).toEqual(near(0.4, 2));
    expect(value('b')).toEqual(near(0.2));
  });

  /** A term whose gradient at `b` is infinite; 0 at `a`. */
  const broken = (b: Variable) => () => ({
    broken: { weight: 1, value: tf.mul(1e30, tf.mul(1e30, tf.sum(b))) as Scalar },
  });

  test('with a dynamic scale: a step that is not finite only halves it, enough good steps double it', () => {
    const { step, value, both, b } = setUp({
      momentum: 0.5,
      weightDecay: 0.1,
      lossScale: { initial: 4, growthInterval: 2 },
    });
    const scales: (number | undefined)[] = [];
    const go = (terms: () => Record<string, Term>) => scales.push(step(0.01, terms).loss_scale);
    go(both);
    const before = ['a', 'b', 'momentum/a', 'momentum/b'].map(value);
    go(broken(b));
    expect(['a', 'b', 'momentum/a', 'momentum/b'].map(value)).toEqual(before);
    go(both);
    go(both);
    go(both);
    go(broken(b));
    go(broken(b));
    go(broken(b));
    go(broken(b));
    expect(scales).toEqual([4, 4, 2, 2, 4, 4, 2, 1, 1]);
    expect([value('loss-scale/value'), value('loss-scale/good')]).toEqual([[1], [0]]);
  });

  test('a slice that is not finite spoils its step, but not the next', () => {
    const { slicedStep, value, both, b } = setUp({ slices: 2, lossScale: {} });
    expect(slicedStep(0.1, [broken(b), both]).watched.loss_scale).toBe(65536);
    expect(value('b')).toEqual([1]);
    expect(slicedStep(0.1, [both, both]).watched.loss_scale).toBe(32768);
    expect(value('b')).toEqual(near(0.6));
  });

  test('must be within the useful range', () => {
    expect(() => setUp({ lossScale: 0 })).toThrow('The loss scale must be a number above 0, got 0.');
    expect(() => setUp({ lossScale: { initial: 2 ** 25 } })).toThrow('must be a number from 1 to 2^24, got 33554432.');
    expect(() => setUp({ lossScale: { growthInterval: -1 } })).toThrow('The growth interval of the loss scale must be');
  });
});

test('without momentum there are no slots', () => {
  expect(setUp({}).state.all('slot')).toEqual([]);
  expect(
    setUp({ momentum: 0.9 })
      .state.all('slot')
      .map(({ name }) => name),
  ).toEqual(['momentum/a', 'momentum/b']);
});

test.each<[string, SgdOptions]>([
  ['clipped', { momentum: 0.9, weightDecay: 0.1, clipNorm: 1 }],
  ['with slices and a dynamic loss scale', { momentum: 0.9, slices: 2, lossScale: {} }],
])('nothing leaks: %s', (_, options) => {
  const { slicedStep, both } = setUp(options);
  const whole = () => slicedStep(0.1, [both, both].slice(0, options.slices ?? 1));
  whole();
  const before = tf.memory().numTensors;
  whole();
  expect(tf.memory().numTensors).toBe(before);
});
