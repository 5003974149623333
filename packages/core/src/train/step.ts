/**
 * The training step. A program records `update` and `accumulate` once and compiles each into one TensorFlow function;
 * with `--eager` the same code runs operation by operation.
 */
import type { Loss, Need } from '../distill/method';
import type { Mode } from '../nn/layers';
import type { Network } from '../nn/network';
import type { Precision } from '../runtime/precision';
import type { Program } from '../runtime/program';
import type { Tensor } from '../runtime/tensorflow';
import type { Metrics } from './evaluation/metrics';
import { type BatchTensors, stepContext, studentForward, teacherForward } from './forward';
import { type FeedOptions, type StepBatch, stepFeed } from './micro-batches';
import { type Optimiser, type StepGradients, watchedNames } from './optimiser/optimiser';

export interface StepParts extends FeedOptions {
  readonly student: Network;
  readonly teacher?: Network | undefined;
  readonly loss: Pick<Loss, 'terms'>;
  readonly needs: ReadonlySet<Need>;
  readonly optimiser: Optimiser;
  /** Moves the averaged weights after an update; absent: there are none. */
  readonly average?: ((share: Tensor) => void) | undefined;
  /** How the student's batch norm works; default: as in training. */
  readonly mode?: Mode | undefined;
  /** The type that convolutions and matrix products compute in; default: float32. */
  readonly precision?: Precision | undefined;
  /** Names the program's functions; default: train. */
  readonly name?: string;
}

/** One whole step of the optimiser, in as many calls into TensorFlow as there are micro-batches. */
export type TrainingStep = (batch: StepBatch, rates: StepRates) => Promise<StepReport>;

/** The numbers that change from step to step. */
export interface StepRates {
  readonly learningRate: number;
  /** How far the averaged weights move towards the weights, 0..1; unused without an average. */
  readonly averageShare: number;
  /** The number of steps before this one; seeds the step's random numbers. */
  readonly step: number;
}

export interface StepReport {
  /** `loss` and its terms: means over the micro-batches. */
  readonly terms: Metrics;
  /** The gradients' norm and the loss scale of this step. */
  readonly watched: Metrics;
}

const scalar = { dtype: 'float32', shape: [] } as const;

/** Adds the step to a program. Between steps no gradient is accumulated, so that checkpoints need not hold any. */
export function makeTrainingStep(program: Program, parts: StepParts): TrainingStep {
  const { student, teacher, loss, needs, optimiser, average, mode = 'train', precision, name = 'train' } = parts;
  const feed = stepFeed(parts);

  /** Forward and backward passes over a micro-batch. */
  function backward(batch: BatchTensors): StepGradients {
    // Outside the gradient: the teacher is frozen.
    const teacherOutput = teacher && teacherForward(teacher, batch, needs);
    return optimiser.gradients(() => {
      const studentOutput = studentForward(student, batch, mode, needs);
      return loss.terms(stepContext({ student, teacher }, batch, { student: studentOutput, teacher: teacherOutput }));
    }, batch.sampled?.learned);
  }

  /** The step's only micro-batch, or its last one: moves the weights. */
  const update = program.define(
    name,
    { ...feed.inputs, learningRate: scalar, averageShare: scalar },
    ({ learningRate, averageShare, ...inputs }) => {
      const batch = feed.batch(inputs);
      const gradients = backward(batch);
      const watched = optimiser.update(learningRate, gradients, batch.sampled?.learned);
      average?.(averageShare);
      return { ...gradients.values, ...watched };
    },
    { precision },
  );

  /** The micro-batches before it: their gradients are summed. */
  const accumulate = program.define(
    `gather-${name}`,
    feed.inputs,
    (inputs) => {
      const gradients = backward(feed.batch(inputs));
      optimiser.accumulate(gradients);
      return gradients.values;
    },
    { precision },
  );

  return async (batch, { learningRate, averageShare, step }) => {
    const reports: Metrics[] = [];
    const microBatches = feed.microBatches(batch, step);
    for (const [i, inputs] of microBatches.entries()) {
      const isLast = i + 1 === microBatches.length;
      const outputs = isLast ? await update({ ...inputs, learningRate, averageShare }) : await accumulate(inputs);
      reports.push(Object.fromEntries(Object.entries(outputs).map(([key, [value]]) => [key, value ?? Number.NaN])));
    }
    return reportOf(reports);
  };
}

function reportOf(reports: readonly Metrics[]): StepReport {
  const { length } = reports;
  // Only the last micro-batch's report has the update's values.
  const last = Object.entries(reports.at(-1) ?? {});
  const isWatched = ([name]: [string, number]) => watchedNames.includes(name);
  const mean = (name: string) => reports.reduce((sum, one) => sum + (one[name] ?? Number.NaN), 0) / length;
  return {
    terms: Object.fromEntries(last.filter((entry) => !isWatched(entry)).map(([name]) => [name, mean(name)])),
    watched: Object.fromEntries(last.filter(isWatched)),
  };
}
