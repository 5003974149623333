/** A compiled step of CRD's criterion alone, with the gradients of both embeddings and its learned layers. */
import { contrast, publishedContrast } from '@headshare/core/distill/contrast';
import type { ForwardOutput, StepContext } from '@headshare/core/distill/method';
import { Scope } from '@headshare/core/nn/scope';
import { randomKey } from '@headshare/core/runtime/ops/random';
import { Program } from '@headshare/core/runtime/program';
import { State } from '@headshare/core/runtime/state';
import { type Tensor, tf } from '@headshare/core/runtime/tensorflow';
import { median, secondsOf } from '../step/measurement';

export interface CrdCase {
  readonly rows: number;
  readonly negatives: number;
  readonly dimension: number;
  readonly batch: number;
}

export interface CrdMeasurement extends CrdCase {
  readonly millisecondsMedian: number;
  readonly millisecondsBest: number;
  /** Of both memories. */
  readonly memoryBytes: number;
  /** Resident bytes before the memories are made, when they are, and the most that were seen after a step. */
  readonly residentBefore: number;
  readonly residentBuilt: number;
  readonly residentPeak: number;
}

// Of the networks' embeddings, and how many classes there are: neither matters much here.
const embedding = 512;
const classes = 1000;
const uncounted = 2;

/** Measures the cases in turn, round by round, so that what else the machine does hits all alike. */
export async function measureCrd(
  cases: readonly CrdCase[],
  { steps, rounds }: { readonly steps: number; readonly rounds: number },
): Promise<CrdMeasurement[]> {
  const built = cases.map((one) => {
    const residentBefore = resident();
    const step = criterionStep(one);
    return { one, step, residentBefore, residentBuilt: resident(), seconds: [] as number[], peaks: [] as number[] };
  });
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

/** @returns a step of other images each time */
function criterionStep({ rows, negatives, dimension, batch }: CrdCase): () => Promise<unknown> {
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
  const view = (x: Tensor) => ({ embedding: x }) as ForwardOutput;
  const step = new Program(state).define(`crd-${rows}`, inputs, ({ ours, theirs, labels: own, indices, draw }) => {
    // The student's embedding is an input here: its gradient is what the backbone would be given.
    const student = tf.variable(ours);
    const { value, grads } = tf.variableGrads(
      () =>
        loss({
          student: view(student),
          teacher: view(theirs),
          labels: own,
          indices,
          random: randomKey(draw),
        } as StepContext),
      [student, ...learned],
    );
    // Returned as one number, so that all gradients are computed.
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
