import { embeddingDistance } from '../distill/losses/differences';
import { linear } from '../nn/layers';
import type { Network } from '../nn/network';
import { Scope } from '../nn/scope';
import { crossEntropy } from '../runtime/ops/cross-entropy';
import { Program } from '../runtime/program';
import { State } from '../runtime/state';
import { type Tensor2D, type Tensor4D, tf } from '../runtime/tensorflow';
import { stream } from '../system/random';
import { UserError } from '../system/user-error';
import { microBatchSize, type StepBatch } from './micro-batches';
import { type SgdOptions, sgd } from './optimiser/optimiser';
import type { SliceRange } from './slices';
import { makeTrainingStep, type StepReport } from './step';
import { isSliceSum } from './sums';

const size = 4;
const batchSize = 12;

function batchOf(seed: number): StepBatch {
  const random = stream(seed, 'pixels');
  return {
    images: Uint8Array.from({ length: batchSize * size * size * 3 }, () => random.below(256)),
    labels: Int32Array.from({ length: batchSize }, () => random.below(3)),
    indices: Int32Array.from({ length: batchSize }, (_, i) => i),
  };
}

/** Trains a linear classifier, whose output for one image does not depend on the others, for five steps. */
async function train(
  accumulate: number,
  options: SgdOptions = {},
  eager = false,
  weight = 1,
  slices?: SliceRange,
  interrupted = false,
) {
  const state = new State();
  const program = new Program(state, { eager });
  const classify = linear(Scope.root(state, 'classifier', 1), { inputs: size * size * 3, outputs: 3 });
  const optimiser = sgd(state, state.all(), { momentum: 0.9, ...options, slices: accumulate });
  const step = makeTrainingStep(program, {
    batchSize,
    accumulate,
    size,
    seed: 1,
    optimiser,
    student: {
      embed: (pixels: Tensor4D) => ({
        features: [],
        embedding: tf.div(tf.reshape(pixels, [-1, size * size * 3]), 255) as Tensor2D,
      }),
      head: { logits: classify },
      toTeacherSpace: (embedding: Tensor2D) => embedding,
    } as unknown as Network,
    needs: new Set(),
    loss: {
      terms: ({ student: { logits }, labels }) => ({
        ce: { weight, value: crossEntropy(logits, labels) },
        l2e: {
          weight: 0.05,
          value: embeddingDistance(logits, tf.zerosLike(logits).add(1) as Tensor2D),
          summed: true,
        },
      }),
    },
  });
  const reports: StepReport[] = [];
  for (let seed = 1; seed <= 5; seed++) {
    const [batch, rates] = [batchOf(seed), { learningRate: 0.05, averageShare: 0, step: seed }];
    if (interrupted) {
      // Only the last slice's function takes the rate: the others are in the sums already.
      const without = { ...rates, learningRate: undefined as unknown as number };
      await expect(step(batch, without)).rejects.toThrow('train needs the input learningRate');
      await step.reset();
    }
    reports.push(await step({ ...batch, ...(slices && { slices }) }, rates));
  }
  program.pull();
  const weights = Array.from(state.values().get('classifier/weight')?.values ?? []);
  const sums = state.all().filter(isSliceSum);
  const accumulated = sums.flatMap(({ variable }) => Array.from(variable.dataSync()));
  program.dispose();
  state.dispose();
  return { reports, weights, accumulated };
}

describe.each([false, true])('micro-batches (eager: %s)', (eager) => {
  test.each([2, 3, 12])(
    '%i move weights like the whole batch, with terms that are sums over the batch',
    async (accumulate) => {
      const whole = await train(1, { clipNorm: 0.5 }, eager);
      const split = await train(accumulate, { clipNorm: 0.5 }, eager);
      expect(whole.reports.some(({ watched }) => (watched.gradient_norm ?? 0) > 0.5)).toBe(true);
      expect(split.weights).toEqual(whole.weights.map((value) => expect.closeTo(value, 5)));
      for (const [i, { terms, watched }] of whole.reports.entries()) {
        const near = (values: object) =>
          Object.fromEntries(Object.entries(values).map(([name, value]) => [name, expect.closeTo(value, 4)]));
        expect(split.reports[i]).toEqual({ terms: near(terms), watched: near(watched) });
      }
    },
  );
});

test("a step reports its terms as means, and the update's values separately", async () => {
  const { reports } = await train(2, { clipNorm: 1, lossScale: {} });
  expect(Object.keys(reports[0]?.terms ?? {})).toEqual(['loss', 'ce', 'l2e']);
  expect(Object.keys(reports[0]?.watched ?? {})).toEqual(['gradient_norm', 'loss_scale']);
  expect((await train(1)).reports[0]?.watched).toEqual({});
});

test('a scaled loss, static or dynamic, gives the same bits: the scale is a power of two', async () => {
  const plain = await train(2, { clipNorm: 0.5 });
  expect((await train(2, { clipNorm: 0.5, lossScale: 512 })).weights).toEqual(plain.weights);
  expect((await train(2, { clipNorm: 0.5, lossScale: { growthInterval: 2 } })).weights).toEqual(plain.weights);
});

test('a dynamic loss scale adapts alike in compiled and eager steps', async () => {
  // The square of a gradient of 1e12 times the first scale is beyond float32.
  const options = { clipNorm: 0.5, lossScale: { initial: 2 ** 24, growthInterval: 2 } };
  const compiled = await train(2, options, false, 1e12);
  expect(compiled).toEqual(await train(2, options, true, 1e12));
  expect(compiled.reports.map(({ watched }) => Math.log2(watched.loss_scale ?? 0))).toEqual([24, 23, 22, 22, 23]);
});

test('no gradient is accumulated between steps', async () => {
  const { accumulated } = await train(3);
  // Two of each gradient, and each slice's terms.
  expect(accumulated).toHaveLength(2 * (size * size * 3 * 3 + 3) + 3 * 32);
  expect(new Set(accumulated)).toEqual(new Set([0]));
});

describe('a share of the slices', () => {
  test('needs a reduction that adds the others', async () => {
    await expect(train(3, {}, true, 1, { from: 0, to: 2 })).rejects.toThrow(
      'A step of 3 slices got the slices 0 to 2, and no reduction that adds the others.',
    );
  });

  test.each([
    [1, 1],
    [-1, 2],
    [2, 4],
  ])('[%i, %i) of 3 slices does not exist', async (from, to) => {
    await expect(train(3, {}, true, 1, { from, to })).rejects.toThrow(
      `The slices ${from} to ${to} are not a share of a step's 3 slices.`,
    );
  });
});

test('after a reset, a step that was cut short leaves no trace', async () => {
  const whole = await train(3);
  expect(await train(3, {}, false, 1, undefined, true)).toEqual(whole);
});

test('the number of micro-batches must divide the batch', () => {
  expect(microBatchSize(64, 4)).toBe(16);
  expect(() => microBatchSize(64, 3)).toThrow(
    new UserError('--accumulate 3 does not divide --batchSize 64: all micro-batches have one size; use 2 or 4.'),
  );
  expect(() => microBatchSize(4, 8)).toThrow(
    '--accumulate 8 does not divide --batchSize 4: all micro-batches have one size; use 4.',
  );
});
