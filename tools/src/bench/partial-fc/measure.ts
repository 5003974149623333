/** A compiled training step of a face head alone: it updates the head's weights and, in place of a backbone, embeddings. */
import { heads } from '@headshare/core/nn/registry';
import { Scope } from '@headshare/core/nn/scope';
import { crossEntropy } from '@headshare/core/runtime/ops/cross-entropy';
import { Program } from '@headshare/core/runtime/program';
import { State } from '@headshare/core/runtime/state';
import { type Tensor, type Tensor1D, type Tensor2D, tf } from '@headshare/core/runtime/tensorflow';
import { sgd } from '@headshare/core/train/optimiser/optimiser';
import { classSampler } from '@headshare/core/train/partial-fc';
import { median, secondsOf } from '../measurement';

export interface HeadCase {
  readonly classes: number;
  /** Share of the classes in a step, 1 for all of them. */
  readonly share: number;
  readonly dimension: number;
  readonly batch: number;
  readonly steps: number;
}

export interface HeadMeasurement extends Omit<HeadCase, 'steps'> {
  readonly sampled: number;
  readonly millisecondsMedian: number;
  readonly millisecondsBest: number;
  /** Time to sample the classes of a step, on the JavaScript thread. */
  readonly drawMillisecondsMedian: number;
  /** Size of the head's weights and of their momentum. */
  readonly headBytes: number;
  /** Resident bytes before the head exists, and the largest number after a step. */
  readonly residentBefore: number;
  readonly residentPeak: number;
}

const uncounted = 2;

export async function measureHead({ steps, ...one }: HeadCase): Promise<HeadMeasurement> {
  const residentBefore = resident();
  const { step, draws, sampled } = headStep(one);
  let residentPeak = 0;
  const seconds = await secondsOf(async () => {
    await step();
    residentPeak = Math.max(residentPeak, resident());
  }, steps + uncounted);
  const counted = seconds.slice(uncounted);
  return {
    ...one,
    sampled,
    millisecondsMedian: 1000 * median(counted),
    millisecondsBest: 1000 * Math.min(...counted),
    drawMillisecondsMedian: draws.length > 0 ? median(draws) : 0,
    headBytes: 2 * 4 * one.classes * one.dimension,
    residentBefore,
    residentPeak,
  };
}

const resident = (): number => process.memoryUsage.rss();

function headStep({ classes, share, dimension, batch }: Omit<HeadCase, 'steps'>) {
  const state = new State();
  const classRows = share < 1;
  // Zeros instead of random weights: a billion random numbers take a minute and do not change the time of a step.
  const head = heads
    .named('arcface')
    .build(Scope.root(state, 'net', undefined).child('head'), { inputs: dimension, classes, classRows });
  // They are trainable, so that the gradient for a backbone is computed.
  const values = Float32Array.from({ length: batch * dimension }, (_, i) => Math.sin(i));
  const embeddings = state.declare('net/embeddings', 'trainable', [batch, dimension], values);
  const optimiser = sgd(state, state.all('trainable'), { momentum: 0.9, weightDecay: 5e-4 });
  const sampler = classRows ? classSampler({ classes, share, batchSize: batch, seed: 1 }) : undefined;
  const sampled = sampler?.count ?? classes;
  const inputs = {
    columns: { dtype: 'int32', shape: [batch] },
    sample: { dtype: 'int32', shape: [sampler ? sampled : 1] },
  } as const;
  const program = new Program(state);
  const train = program.define('head', inputs, ({ columns, sample }) => {
    const some = sampler && head.sampled?.(sample as Tensor1D);
    const used = some ?? head;
    const labels = columns as Tensor1D;
    const rows = some ? [{ name: 'net/head.weight', indices: some.sample, rows: some.rows }] : [];
    const ce = () => crossEntropy(used.trainingLogits(embeddings as Tensor as Tensor2D, labels), labels);
    const gradients = optimiser.gradients(() => ({ ce: { weight: 1, value: ce() } }), rows);
    optimiser.update(tf.scalar(0.1), gradients, rows);
    return gradients.values;
  });
  const draws: number[] = [];
  let count = 0;
  return {
    sampled,
    draws,
    step() {
      const labels = Int32Array.from({ length: batch }, (_, i) => (count * 7919 + i * 15_485_863) % classes);
      const started = performance.now();
      const drawn = sampler?.draw(labels, count);
      if (drawn) draws.push(performance.now() - started);
      count++;
      return train({ columns: drawn?.columns ?? labels, sample: drawn?.classes ?? Int32Array.of(0) });
    },
  };
}
