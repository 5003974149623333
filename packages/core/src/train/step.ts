/**
 * The training step: forward pass of the teacher, forward and backward pass of the student, update. A program records it once
 * and compiles it into one TensorFlow function; with `--eager` the same code runs operation by operation. Where a batch has
 * several slices, one function adds a slice to the step's sums (sums.ts), and another adds the last one and updates.
 */
import type { Loss, Need } from '../distill/method';
import type { Mode } from '../nn/layers';
import type { Network } from '../nn/network';
import type { InputSpecs, StepInputs } from '../runtime/compile/step-inputs';
import { instanceOf, sumExactly } from '../runtime/ops/collective';
import type { Precision } from '../runtime/precision';
import type { Program } from '../runtime/program';
import { collectStatistics } from '../runtime/slice-statistics';
import type { StateVariable } from '../runtime/state';
import { type Tensor, type Tensor1D, tf } from '../runtime/tensorflow';
import type { Metrics } from './evaluation/metrics';
import { type BatchTensors, stepContext, studentForward, teacherForward } from './forward';
import { type FeedOptions, microBatchSize, type StepBatch, stepFeed } from './micro-batches';
import { type Optimiser, type StepGradients, watchedNames } from './optimiser/optimiser';
import { declareSums, type Reduced, type Reduction, type Slice } from './sums';

export interface StepParts extends FeedOptions {
  readonly student: Network;
  readonly teacher?: Network | undefined;
  readonly loss: Pick<Loss, 'terms'>;
  readonly needs: ReadonlySet<Need>;
  readonly optimiser: Optimiser;
  /** Statistics that the forward passes may change; default: none. Needed where a batch has several slices. */
  readonly statistics?: readonly StateVariable[];
  /** Moves the averaged weights after an update; absent: there are none. */
  readonly average?: ((share: Tensor) => void) | undefined;
  /** How the student's batch norm works; default: as in training. */
  readonly mode?: Mode | undefined;
  /** The type that convolutions and matrix products compute in; default: float32. */
  readonly precision?: Precision | undefined;
  /** Names the program's functions; default: train. */
  readonly name?: string;
  /** Adds the sums of several processes, each with a share of the slices. Absent: this process computes all slices. */
  readonly reduction?: Reduction | undefined;
  /** The size of the vectors that sums are kept in; see `SumsOptions`. */
  readonly bucketBytes?: number | undefined;
}

export interface TrainingStep {
  /** One whole step of the optimiser, in as many calls into TensorFlow as the process has slices of the batch. */
  (batch: StepBatch, rates: StepRates): Promise<StepReport>;
  /** Zeroes the sums of slices, after a step that was cut short. */
  reset(): Promise<void>;
}

/** The numbers that change from step to step. */
export interface StepRates {
  readonly learningRate: number;
  /** How far the averaged weights move towards the weights, 0..1; unused without an average. */
  readonly averageShare: number;
  /** The number of steps before this one; seeds the step's random numbers. */
  readonly step: number;
}

export interface StepReport {
  /** `loss` and its terms: means over the slices. */
  readonly terms: Metrics;
  /** The gradients' norm and the loss scale of this step. */
  readonly watched: Metrics;
}

const scalar = { dtype: 'float32', shape: [] } as const;
const rateInputs = { learningRate: scalar, averageShare: scalar } as const;
type RateInputs = Record<keyof typeof rateInputs, Tensor>;

/** Adds the step to a program. */
export function makeTrainingStep(program: Program, parts: StepParts): TrainingStep {
  const { student, teacher, loss, needs, optimiser, average, mode = 'train', precision, name = 'train' } = parts;
  const { accumulate, batchSize, statistics = [], partialFc, shards, reduction, bucketBytes } = parts;
  const feed = stepFeed(parts);

  /** Forward and backward passes over a slice. */
  function backward(batch: BatchTensors): StepGradients {
    // Outside the gradient: the teacher is frozen.
    const teacherOutput = teacher && teacherForward(teacher, batch, needs);
    return optimiser.gradients(() => {
      const studentOutput = studentForward(student, batch, mode, needs);
      return loss.terms(stepContext({ student, teacher }, batch, { student: studentOutput, teacher: teacherOutput }));
    }, batch.sampled?.learned);
  }

  /** Moves the weights, and their averages. */
  function update({ learningRate, averageShare }: RateInputs, gradients: Summed, batch: BatchTensors) {
    const { sampled, shard } = batch;
    const sumOfParts =
      shard && ((own: Tensor) => sumExactly(own, shard.group, instanceOf(`${shard.name}/gradient-norm`)));
    const watched = optimiser.update(learningRate, { ...gradients, sumOfParts }, sampled?.learned);
    average?.(averageShare);
    return watched;
  }

  if (accumulate === 1) {
    const inputs = { ...feed.inputs, ...rateInputs };
    const whole = program.define(
      name,
      inputs,
      ({ learningRate, averageShare, ...given }) => {
        const batch = feed.batch(given, name);
        const gradients = backward(batch);
        return { ...gradients.values, ...update({ learningRate, averageShare }, gradients, batch) };
      },
      { precision },
    );
    const step = async (batch: StepBatch, { step: number, ...rates }: StepRates) =>
      reportOf(await whole({ ...feed.slices(batch, number)[0], ...rates }));
    return Object.assign(step, { reset: async () => {} });
  }

  const sums = declareSums(program.state, {
    learned: optimiser.variables,
    ...(partialFc?.learns !== undefined && { sampled: new Map([[partialFc.learns, partialFc.count]]) }),
    statistics,
    slices: accumulate,
    gathers: shards?.of !== accumulate,
    images: microBatchSize(batchSize, accumulate),
    root: optimiser.root,
    bucketBytes,
  });

  const reducedInputs: InputSpecs = reduction?.inputs ?? {};

  /** What one slice computes from the state at the step's start. */
  function slice(batch: BatchTensors): Slice & { readonly gradients: StepGradients } {
    const before = statistics.map(({ variable }) => variable.dataId);
    const { result: gradients, statistics: given } = collectStatistics(() => backward(batch));
    const moved = statistics.find(({ variable }, i) => variable.dataId !== before[i]);
    if (moved) throw new Error(`${moved.name} is assigned in a forward pass; see runtime/slice-statistics.ts.`);
    return { number: batch.slice as Tensor, gradients, statistics: given, indices: batch.indices };
  }

  /** A slice of the process that is not its last. */
  const gatherName = `gather-${name}`;
  const gather = program.define(
    gatherName,
    feed.inputs,
    (inputs) => {
      const one = slice(feed.batch(inputs, gatherName));
      sums.add(one);
      return { loss: one.gradients.values.loss as Tensor };
    },
    { precision },
  );

  /** The process's last slice: sums of all slices, and the update. */
  const finish = program.define(
    name,
    {
      ...feed.inputs,
      ...rateInputs,
      batchIndices: { dtype: 'int32', shape: [batchSize] },
      ...reducedInputs,
    },
    ({ learningRate, averageShare, batchIndices, ...inputs }) => {
      const batch = feed.batch(inputs, name);
      const one = slice(batch);
      const { gradients, reports } = sums.finish(
        one,
        batchIndices as Tensor1D,
        reduction && withInputs(reduction, inputs),
      );
      const { lossScale } = one.gradients;
      return { ...reports, ...update({ learningRate, averageShare }, { gradients, lossScale }, batch) };
    },
    { precision },
  );

  const reset = program.define(`reset-${name}`, {}, () => {
    sums.clear();
    return { done: tf.scalar(0) };
  });

  const step = async (batch: StepBatch, { step: number, ...rates }: StepRates): Promise<StepReport> => {
    requireShare(batch, accumulate, reduction !== undefined);
    const slices = feed.slices(batch, number);
    const group = shards && reduction?.values();
    for (const inputs of slices.slice(0, -1)) await gather({ ...inputs, ...group });
    const last = { ...slices.at(-1), ...rates, batchIndices: batch.indices, ...reduction?.values() };
    return reportOf(await finish(last));
  };
  return Object.assign(step, { reset: async () => void (await reset({})) });
}

type Summed = Pick<StepGradients, 'gradients' | 'lossScale'>;

const withInputs = (reduction: Reduction, inputs: StepInputs<InputSpecs>): Reduced => ({
  sum: (pairs) => reduction.sum(pairs, inputs),
  merge: (own) => reduction.merge(own, inputs),
});

/** @throws Error for a share of the slices that nobody completes */
function requireShare({ slices }: StepBatch, accumulate: number, isReduced: boolean): void {
  if (!slices) return;
  const { from, to } = slices;
  if (!(from >= 0 && from < to && to <= accumulate))
    throw new Error(`The slices ${from} to ${to} are not a share of a step's ${accumulate} slices.`);
  if (to - from < accumulate && !isReduced)
    throw new Error(
      `A step of ${accumulate} slices got the slices ${from} to ${to}, and no reduction that adds the others.`,
    );
}

/** @param outputs a value for each slice, in their order, or one for the step */
function reportOf(outputs: Readonly<Record<string, Float32Array>>): StepReport {
  const values = Object.entries(outputs);
  const isWatched = ([name]: readonly [string, unknown]) => watchedNames.includes(name);
  const mean = (all: Float32Array) => all.reduce((sum, one) => sum + one, 0) / all.length;
  return {
    terms: Object.fromEntries(values.filter((entry) => !isWatched(entry)).map(([name, all]) => [name, mean(all)])),
    watched: Object.fromEntries(values.filter(isWatched).map(([name, [value]]) => [name, value ?? Number.NaN])),
  };
}
