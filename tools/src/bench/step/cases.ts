import { imageBytes } from '@headshare/core/data/dataset';
import { singleMethod } from '@headshare/core/distill/combine-methods';
import { methods } from '@headshare/core/distill/registry';
import { buildNetwork, type NetworkDescription } from '@headshare/core/nn/network';
import { shapeOf } from '@headshare/core/nn/network-shape';
import { Scope } from '@headshare/core/nn/scope';
import { compileStep, type Step, type StepGraph } from '@headshare/core/runtime/compile/compile';
import { type InputSpecs, imageInput } from '@headshare/core/runtime/compile/step-inputs';
import type { Precision } from '@headshare/core/runtime/precision';
import { type CompiledStep, Program, type StepOptions } from '@headshare/core/runtime/program';
import { State } from '@headshare/core/runtime/state';
import { tf } from '@headshare/core/runtime/tensorflow';
import { sgd } from '@headshare/core/train/optimiser/optimiser';
import { slicePart } from '@headshare/core/train/slices';
import { makeTrainingStep } from '@headshare/core/train/step';
import type { Reduction } from '@headshare/core/train/sums';
import { cifarNetwork, faceNetwork } from '../networks';

/** A training step to time: of a student, and with the forward pass of a teacher where there is one. */
export interface StepCase {
  readonly student: NetworkDescription;
  readonly teacher?: NetworkDescription;
}

export const stepCases = {
  // MobileFaceNet, cross-entropy over 1000 classes.
  mbf: { student: faceNetwork('mobilefacenet', 'linear-no-bias', 1000) },
  // CIFAR's resnet8x4, cross-entropy over 100 classes.
  ce: { student: cifarNetwork('resnet8x4') },
  // resnet8x4 distilled from resnet32x4 by TH-KD.
  thkd: { student: cifarNetwork('resnet8x4'), teacher: cifarNetwork('resnet32x4') },
} as const satisfies Record<string, StepCase>;

export type CaseName = keyof typeof stepCases;

/** A step of SGD that repeats the same batch of noise. */
export interface TimedStep {
  /** Resolves to the loss. */
  run(): Promise<number>;
  /** Takes the same inputs and returns as many outputs as `run`, without the computation. */
  callEmpty?(): Promise<unknown>;
  /** The graphs of a call. */
  graphs?(): readonly StepGraph[];
}

export interface StepWay {
  readonly eager: boolean;
  readonly recompute: boolean;
  readonly precision: Precision;
  /** Slices of a step that one process computes; default: 1. */
  readonly accumulate?: number;
}

/** Of a step that several processes share: each computes one slice of its batch. */
export interface StepShare {
  readonly workers: number;
  readonly index: number;
  readonly reduction: Reduction;
}

/**
 * The step as headshare trains it.
 * @param batch images of a step; a process that shares the step computes its part of them
 * @param share absent: the process computes the whole batch
 */
export function headshareStep(
  { student: description, teacher: teacherNetwork }: StepCase,
  batch: number,
  { eager, recompute, precision, accumulate = 1 }: StepWay,
  share?: StepShare,
): TimedStep {
  const slices = share?.workers ?? accumulate;
  const state = new State();
  const student = buildNetwork(state, 'student', description, 1, { recompute });
  const teacher = teacherNetwork && buildNetwork(state, 'teacher', teacherNetwork, 2);
  const learned = state.all('trainable').filter((entry) => entry.name.startsWith('student/'));
  const optimiser = sgd(state, learned, { momentum: 0.9, weightDecay: 5e-4, slices });
  const method = singleMethod(methods.named(teacher ? 'th-kd' : 'none'));
  const size = description.inputSize;
  const values = batchOf(description, batch);
  const loss = method.build({
    scope: Scope.root(state, 'method', 1),
    student: shapeOf(student),
    teacher: shapeOf(teacher ?? student),
    labels: values.labels,
    classes: description.classes,
  });
  const program = new Recorded(state, { eager });
  const step = makeTrainingStep(program, {
    batchSize: batch,
    accumulate: slices,
    size,
    seed: 1,
    student,
    teacher,
    loss,
    needs: method.needs,
    optimiser,
    statistics: state.all('statistic').filter((entry) => entry.name.startsWith('student/')),
    precision,
    reduction: share?.reduction,
  });
  const inputs = {
    pixels: imageInput(batch, size),
    labels: { dtype: 'int32', shape: [batch] },
    learningRate: { dtype: 'float32', shape: [] },
  } as const;
  const empty = new Program(new State()).define('empty', inputs, ({ learningRate, pixels, labels }) => {
    const touched = tf.add(tf.slice(tf.reshape(pixels, [-1]), 0, 1), tf.cast(tf.slice(labels, 0, 1), 'float32'));
    const one = tf.add(tf.mul(tf.reshape(touched, []), 0), learningRate);
    return { loss: one, ce: one, kd: one, 'th-kd': one };
  });
  const learningRate = 0.05;
  let count = 0;
  return {
    async run() {
      const { pixels, labels } = values;
      const indices = Int32Array.from(labels.keys());
      const own = share ? { from: share.index, to: share.index + 1 } : { from: 0, to: slices };
      const images = share ? slicePart(pixels, share.index, slices) : pixels;
      const rates = { learningRate, averageShare: 0, step: count++ };
      const { terms } = await step({ images, labels, indices, slices: own }, rates);
      return terms.loss ?? Number.NaN;
    },
    callEmpty: () => empty({ ...values, learningRate }),
    graphs: () => program.graphs(),
  };
}

/** Compiles the steps that have been called once more, to look at their graphs. */
class Recorded extends Program {
  private readonly called = new Map<string, () => StepGraph>();

  override define<const I extends InputSpecs, O extends string>(
    name: string,
    inputs: I,
    step: Step<I, O>,
    options?: StepOptions,
  ): CompiledStep<I, O> {
    const run = super.define(name, inputs, step, options);
    return (given) => {
      this.called.set(name, () => compileStep(name, inputs, step, this.state, () => []));
      return run(given);
    };
  }

  graphs(): readonly StepGraph[] {
    return [...this.called.values()].map((compile) => compile());
  }
}

/** A batch of noise, the same every time. */
export function batchOf(
  { inputSize: size, classes }: NetworkDescription,
  batch: number,
): { readonly pixels: Uint8Array; readonly labels: Int32Array } {
  return {
    pixels: Uint8Array.from({ length: batch * imageBytes({ size }) }, (_, i) => Math.imul(i, 2654435761) >>> 24),
    labels: Int32Array.from({ length: batch }, (_, i) => (i * 37) % classes),
  };
}
