import type { Term } from '../distill/method';
import { State } from '../runtime/state';
import { type Scalar, scoped, tf } from '../runtime/tensorflow';
import { type SgdOptions, sgd } from './optimiser';

/** Two weights, `a` of two elements and `b` of one, both 1 and 2 at first. */
function setUp(options: SgdOptions) {
  const state = new State();
  const a = state.declare('a', 'trainable', [2], Float32Array.of(1, 2));
  const b = state.declare('b', 'trainable', [1], Float32Array.of(1));
  const optimiser = sgd(state, state.all('trainable'), options);
  const step = (rate: number, terms: () => Record<string, Term>) =>
    scoped(() => {
      const losses = optimiser.minimise(tf.scalar(rate), terms);
      return Object.fromEntries(Object.entries(losses).map(([name, value]) => [name, value.dataSync()[0]]));
    });
  const value = (name: string) => Array.from(state.values().get(name)?.values ?? []);
  /** A term with gradient (3, 0) at `a` and 4 at `b`. */
  const both = () => ({
    both: { weight: 1, value: tf.add(tf.mul(3, tf.sum(a.slice(0, 1))), tf.mul(4, tf.sum(b))) as Scalar },
  });
  const onlyA = () => ({ a: { weight: 1, value: tf.mul(3, tf.sum(a.slice(0, 1))) as Scalar } });
  return { state, a, b, step, value, both, onlyA };
}

const near = (...values: number[]) => values.map((value) => expect.closeTo(value, 6));

test('plain: w -= rate g, and the terms come back unweighted beside their weighted sum', () => {
  const { a, b, step, value } = setUp({});
  const terms = () => ({
    ce: { weight: 2, value: tf.sum(a) as Scalar },
    kd: { weight: 0.5, value: tf.sum(tf.square(b)) as Scalar },
  });
  expect(step(0.1, terms)).toEqual({ loss: 6.5, ce: 3, kd: 1 });
  expect(value('a')).toEqual(near(0.8, 1.8));
  expect(value('b')).toEqual(near(0.9));
});

test('momentum and weight decay as torch.optim.SGD: g += decay w; m = momentum m + g; w -= rate m', () => {
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

test('a variable that the loss does not reach keeps its value and its momentum; the others keep theirs', () => {
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

test('gradients are clipped by their norm together, before decay, as clip_grad_norm_ does', () => {
  const { step, value, both } = setUp({ momentum: 0.9, weightDecay: 0.5, clipNorm: 1 });
  step(1, both);
  // The norm is 5: (3, 0) and 4 become (0.6, 0) and 0.8.
  expect(value('momentum/a')).toEqual(near(0.6 + 0.5, 1));
  expect(value('momentum/b')).toEqual(near(0.8 + 0.5));
});

test('gradients within the norm stay as they are', () => {
  const { step, value, both } = setUp({ clipNorm: 6 });
  step(0.1, both);
  expect(value('a')).toEqual(near(0.7, 2));
});

test('without momentum there are no slots', () => {
  expect(setUp({}).state.all('slot')).toEqual([]);
  expect(
    setUp({ momentum: 0.9 })
      .state.all('slot')
      .map(({ name }) => name),
  ).toEqual(['momentum/a', 'momentum/b']);
});

test('nothing leaks', () => {
  const { step, both } = setUp({ momentum: 0.9, weightDecay: 0.1, clipNorm: 1 });
  step(0.1, both);
  const before = tf.memory().numTensors;
  step(0.1, both);
  expect(tf.memory().numTensors).toBe(before);
});
