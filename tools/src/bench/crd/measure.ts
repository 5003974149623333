/** A compiled step of CRD's loss alone, with the gradients of the student's embedding and of the learned layers. */
import { contrast, publishedContrast } from '@headshare/core/distill/contrast';
import type { ForwardOutput, StepContext } from '@headshare/core/distill/method';
import { Scope } from '@headshare/core/nn/scope';
import { randomKey } from '@headshare/core/runtime/ops/random';
import { Program } from '@headshare/core/runtime/program';
import { State } from '@headshare/core/runtime/state';
import { type Tensor, tf } from '@headshare/core/runtime/tensorflow';
import { median, secondsOf } from '../measurement';

export interface CrdCase {
  readonly rows: number;
  readonly negatives: number;
  readonly dimension: number;
  readonly batch: number;
}

export interface CrdMeasurement extends CrdCase {
  readonly millisecondsMedian: number;
  readonly millisecondsBest: number;
  /** Size of both memories. */
  readonly memoryBytes: number;
  /** Resident bytes before and after the memories are allocated, and the largest number after a step. */
  readonly residentBefore: number;
  readonly residentBuilt: number;
  readonly residentPeak: number;
}

// Length of the networks' embeddings and number of classes; neither changes the time much.
const embedding = 512;
const classes = 1000;
const uncounted = 2;

export async function measureCrd(
  cases: readonly CrdCase[],
  { steps, rounds }: { readonly steps: number; readonly rounds: number },
): Promise<CrdMeasurement[]> {
  const built = cases.map((one) => {
    const residentBefore = resident();
    const step = lossStep(one);
    return { one, step, residentBefore, residentBuilt: resident(), seconds: [] as number[], peaks: [] as number[] };
  });
  // Round by round, so that other load on the machine affects all cases alike.
  for (let round = 0; round < rounds; round++) {
    for (const { one, step, seconds, peaks } of built) {
      process.stderr.write(`round ${round + 1}/${rounds}: ${one.rows} rows\n`);
      const all = await secondsOf(async () => {
        await step();
        peaks.push(resident());
      }, steps);
      seconds.push(...(round === 0 ? all.slice(uncounted) : all));
    }
  }
  return built.map(({ one, residentBefore, residentBuilt, seconds, peaks }) => ({
    ...one,
    millisecondsMedian: 1000 * median(seconds),
    millisecondsBest: 1000 * Math.min(...seconds),
    memoryBytes: 2 * 4 * one.rows * one.dimension,
    residentBefore,
    residentBuilt,
    residentPeak: Math.max(...peaks),
  }));
}

const resident = (): number => process.memoryUsage.rss();

/** @returns a step that takes other images at each call */
function lossStep({ rows, negatives, dimension, batch }: CrdCase): () => Promise<unknown> {
  const state = new State();
  const labels = Int32Array.from({ length: rows }, (_, i) => i % classes);
  const shape = { features: [], embeddingSize: embedding };
  const loss = contrast(
    { scope: Scope.root(state, 'method', 1), student: shape, teacher: shape, labels, classes },
    { ...publishedContrast, dimension, negatives },
  );
  const learned = state.all('trainable').map(({ variable }) => variable);
  const inputs = {
    ours: { dtype: 'float32', shape: [batch, embedding] },
    theirs: { dtype: 'float32', shape: [batch, embedding] },
    labels: { dtype: 'int32', shape: [batch] },
    indices: { dtype: 'int32', shape: [batch] },
    draw: { dtype: 'int32', shape: [2] },
  } as const;
  const output = (x: Tensor) => ({ embedding: x }) as ForwardOutput;
  const step = new Program(state).define(`crd-${rows}`, inputs, ({ ours, theirs, labels: own, indices, draw }) => {
    // The student's embedding is a variable, so that the gradient for a backbone is computed.
    const student = tf.variable(ours);
    const { value, grads } = tf.variableGrads(
      () =>
        loss({
          student: output(student),
          teacher: output(theirs),
          labels: own,
          indices,
          random: randomKey(draw),
        } as StepContext),
      [student, ...learned],
    );
    // TensorFlow computes only what is returned: a sum over all gradients.
    return { loss: value, gradients: tf.addN(Object.values(grads).map((gradient) => tf.sum(tf.abs(gradient)))) };
  });
  const [ours, theirs] = [0.1, 0.2].map((by) =>
    Float32Array.from({ length: batch * embedding }, (_, i) => Math.sin(i * by)),
  ) as [Float32Array, Float32Array];
  let count = 0;
  return () => {
    const indices = Int32Array.from({ length: batch }, (_, i) => (count * 7919 + i * 15_485_863) % rows);
    const own = Int32Array.from(indices, (image) => labels[image] ?? 0);
    return step({ ours, theirs, labels: own, indices, draw: Int32Array.of(1, count++) });
  };
}
