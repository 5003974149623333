import { Program } from '../../runtime/program';
import { State } from '../../runtime/state';
import { tf } from '../../runtime/tensorflow';
import { averageDecay, averageOf, startAverage } from './weight-average';

/** A weight that starts at 1 and is doubled by each step, a statistic that is halved, and a weight that stays. */
function setUp(eager: boolean) {
  const state = new State();
  const program = new Program(state, { eager });
  const kinds = { weight: 'trainable', statistic: 'statistic', still: 'trainable' } as const;
  for (const [name, kind] of Object.entries(kinds)) state.declare(name, kind, [1], Float32Array.of(0.1));
  const originals = state.all();
  for (const { name, kind } of originals) state.declare(averageOf(name), kind, [1], new Float32Array(1));
  const follow = startAverage(state, originals);
  const step = program.define('step', { share: { dtype: 'float32', shape: [] } }, ({ share }) => {
    const weight = state.get('weight')?.variable;
    const statistic = state.get('statistic')?.variable;
    if (!weight || !statistic) throw new Error('not declared');
    weight.assign(tf.mul(weight, 2));
    statistic.assign(tf.mul(statistic, 0.5));
    follow(share);
    return { share };
  });
  const value = (name: string) => {
    program.pull();
    return state.values().get(name)?.values[0];
  };
  return { state, step, value };
}

describe.each([false, true])('the average of weights (eager: %s)', (eager) => {
  test('starts at the weights, and follows them', async () => {
    const { step, value } = setUp(eager);
    expect(['weight', 'statistic', 'still'].map((name) => value(averageOf(name)))).toEqual(
      [0.1, 0.1, 0.1].map(Math.fround),
    );
    await step({ share: 0.25 });
    expect(value(averageOf('weight'))).toBeCloseTo(0.75 * 0.1 + 0.25 * 0.2, 7);
    expect(value(averageOf('statistic'))).toBeCloseTo(0.75 * 0.1 + 0.25 * 0.05, 7);
    await step({ share: 0.5 });
    expect(value(averageOf('weight'))).toBeCloseTo(0.5 * 0.125 + 0.5 * 0.4, 7);
    expect(value('weight')).toBeCloseTo(0.4, 7);
  });

  test('of a variable that does not move keeps its bits', async () => {
    const { step, value } = setUp(eager);
    for (let i = 0; i < 5; i++) await step({ share: 0.001 });
    expect(value(averageOf('still'))).toBe(Math.fround(0.1));
  });
});

test('the decay is the given one; with a warm-up at most (1 + step) / (10 + step)', () => {
  expect([0, 1, 8, 1e6].map((step) => averageDecay(0.999, step, false))).toEqual([0.999, 0.999, 0.999, 0.999]);
  expect([0, 1, 8, 1e6].map((step) => averageDecay(0.999, step, true))).toEqual([0.1, 2 / 11, 0.5, 0.999]);
});
