import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { leaked, randomValues } from '../../test/gradient-check';
import { batchNormInference, batchNormTraining } from './ops/batch-norm';
import { dropout, type RandomKey, randomKey, substream } from './ops/random';
import { Program } from './program';
import { recompute } from './recompute';
import { State } from './state';
import { type Tensor, type Tensor2D, tf, type Variable } from './tensorflow';

const identity = <F>(body: F): F => body;

/** Three blocks of a linear layer, batch norm, a curve and dropout, trained; each block through `wrap`. */
function training(eager: boolean, wrap: typeof recompute) {
  const state = new State();
  const declare = (name: string, shape: readonly number[], statistic = false): Variable =>
    state.declare(
      name,
      statistic ? 'statistic' : 'trainable',
      shape,
      randomValues(name, shape).dataSync() as Float32Array,
    );
  const blocks = [0, 1, 2].map((block) => {
    const weight = declare(`weight${block}`, [6, 6]) as Tensor as Tensor2D;
    const norm = {
      gamma: declare(`gamma${block}`, [6]),
      beta: declare(`beta${block}`, [6]),
      mean: declare(`mean${block}`, [6], true),
      variance: declare(`variance${block}`, [6], true),
    };
    return (x: Tensor2D, key: RandomKey): Tensor2D =>
      wrap((given: Tensor2D) => {
        const y = tf.tanh(batchNormTraining(tf.matMul(given, weight), norm));
        return tf.add(given, dropout(y, 0.25, substream(key, `block${block}`))) as Tensor2D;
      })(x);
  });
  const variables = state.all('trainable').map(({ variable }) => variable);
  const program = new Program(state, { eager });
  const inputs = { x: { dtype: 'float32', shape: [8, 6] }, random: { dtype: 'int32', shape: [2] } } as const;
  const step = program.define('train', inputs, ({ x, random }) => {
    const key = randomKey(random);
    const { value, grads } = tf.variableGrads(
      () => tf.mean(tf.square(blocks.reduce((y, block) => block(y, key), x as Tensor2D))).asScalar(),
      variables,
    );
    for (const variable of variables) {
      variable.assign(tf.sub(variable, tf.mul(grads[variable.name] as Tensor, 0.1)));
    }
    return { loss: value };
  });
  return { program, state, step };
}

const x = randomValues('x', [8, 6]).dataSync() as Float32Array;

test.each([
  ['eager', true],
  ['compiled', false],
])('%s: values, gradients and running statistics are the same, bit for bit', async (_, eager) => {
  const [plain, again] = [training(eager, identity), training(eager, recompute)];
  for (let step = 0; step < 4; step++) {
    const random = Int32Array.of(1, step);
    expect(await again.step({ x, random })).toEqual(await plain.step({ x, random }));
  }
  plain.program.pull();
  again.program.pull();
  expect(again.state.values()).toEqual(plain.state.values());
});

test('what is recomputed may contain what is recomputed', async () => {
  const nested = (wrap: typeof recompute) => {
    const w = tf.variable(tf.scalar(0.7));
    const inner = wrap((a: Tensor) => tf.sin(tf.mul(a, w)));
    const outer = wrap((a: Tensor) => tf.mul(inner(tf.exp(a)), w));
    const { value, grads } = tf.variableGrads(() => tf.sum(outer(tf.tensor1d([0.1, 0.2]))).asScalar(), [w]);
    return [value, grads[w.name] as Tensor].map((tensor) => tensor.dataSync()[0]);
  };
  expect(nested(recompute)).toEqual(nested(identity));
});

test('the second pass sees variables as the first one saw them, and leaves them as they are', () => {
  const mean = tf.variable(tf.zeros([2]), false);
  const norm = { gamma: tf.ones([2]), beta: tf.zeros([2]), mean, variance: tf.variable(tf.ones([2]), false) };
  const seen: number[][] = [];
  const body = recompute((given: Tensor) => {
    const y = batchNormInference(given, norm);
    seen.push(Array.from(mean.dataSync()));
    mean.assign(tf.add(mean, 1));
    return tf.square(y);
  });
  tf.grad((given) => {
    const y = body(given);
    mean.assign(tf.add(mean, 10));
    return y;
  })(tf.ones([3, 2]));
  expect(seen).toEqual([
    [0, 0],
    [0, 0],
  ]);
  expect(Array.from(mean.dataSync())).toEqual([11, 11]);
});

test('nothing is computed twice where no gradient is taken', () => {
  let runs = 0;
  const body = recompute((given: Tensor) => {
    runs++;
    return tf.square(given);
  });
  expect(body(tf.scalar(3)).dataSync()[0]).toBe(9);
  expect(runs).toBe(1);
  tf.grad(body)(tf.scalar(3));
  expect(runs).toBe(3);
});

test('a part that hands its input on hands the gradient back, once', () => {
  const through = recompute((given: Tensor) => given);
  expect(
    tf
      .grad((given) => tf.square(through(given)))(tf.scalar(3))
      .dataSync()[0],
  ).toBe(6);
});

test('a tensor that is computed outside must be its input', () => {
  const run = () =>
    tf.grad((given) => {
      const outside = tf.exp(given);
      return recompute((inside: Tensor) => tf.mul(inside, outside))(given);
    })(tf.ones([2]));
  expect(run).toThrow(
    'A recomputed block uses a tensor [2] that was computed before it; it may only use its input, variables and constants.',
  );
});

test('nothing leaks', () => {
  const mean = tf.variable(tf.zeros([2]));
  const input = randomValues('leak', [4, 2]);
  const body = recompute((given: Tensor) => {
    mean.assign(tf.mean(given, 0));
    return tf.square(tf.tanh(given));
  });
  expect(leaked(() => tf.grad((given) => body(body(given)))(input))).toBe(0);
  expect(leaked(() => body(input))).toBe(0);
});

test('a compiled step of recomputed blocks needs less memory', () => {
  const peak = (how: string): { slope: number; megabytes: number } =>
    JSON.parse(
      execFileSync(
        process.execPath,
        ['-r', join(__dirname, '../../register.cjs'), join(__dirname, '../../test/recompute-fixture.ts'), how],
        {
          encoding: 'utf8',
        },
      ),
    );
  const [plain, again] = [peak('plain'), peak('recompute')];
  expect(again.slope).toBe(plain.slope);
  // 24 blocks that keep one map of 4 MB each rather than five: 384 MB; measured, 365.
  expect(plain.megabytes - again.megabytes).toBeGreaterThan(250);
});
