import { termsOf } from '@headshare/core/distill/combine-methods';
import { methods } from '@headshare/core/distill/registry';
import { buildNetwork, type NetworkDescription } from '@headshare/core/nn/network';
import type { Precision } from '@headshare/core/runtime/precision';
import { Program } from '@headshare/core/runtime/program';
import { State } from '@headshare/core/runtime/state';
import { type Tensor1D, type Tensor4D, tf } from '@headshare/core/runtime/tensorflow';
import { sgd } from '@headshare/core/train/optimiser';
import { perception, unplaced } from '@headshare/core/train/perception';
import { batchOf } from './batch';

/** A training step that is timed; its student, and the teacher whose forward pass is part of the step. */
export interface StepCase {
  readonly summary: string;
  readonly batch: number;
  readonly student: NetworkDescription;
  readonly teacher?: NetworkDescription;
}

const cifar = (backbone: string): NetworkDescription => ({
  backbone,
  head: 'linear',
  inputSize: 32,
  width: 1,
  classes: 100,
});

export const stepCases = {
  mbf: {
    summary: 'MobileFaceNet, 112x112, cross-entropy over 1000 classes',
    batch: 32,
    student: {
      backbone: 'mobilefacenet',
      head: 'linear-no-bias',
      inputSize: 112,
      width: 1,
      embeddingSize: 512,
      classes: 1000,
    },
  },
  ce: { summary: "CIFAR's resnet8x4, cross-entropy over 100 classes", batch: 64, student: cifar('resnet8x4') },
  thkd: {
    summary: 'resnet8x4 from resnet32x4 by TH-KD, the forward pass of the teacher included',
    batch: 64,
    student: cifar('resnet8x4'),
    teacher: cifar('resnet32x4'),
  },
} as const satisfies Record<string, StepCase>;

export type CaseName = keyof typeof stepCases;

/** One step of SGD on the same batch of noise again and again; resolves to its loss. */
export interface TimedStep {
  run(): Promise<number>;
  /** A call that takes and gives as much as `run`, and computes nothing. */
  callEmpty?(): Promise<unknown>;
}

export interface StepWay {
  readonly eager: boolean;
  readonly recompute: boolean;
  readonly precision: Precision;
}

/** The step as headshare trains it. */
export function headshareStep(name: CaseName, batch: number, { eager, recompute, precision }: StepWay): TimedStep {
  const { student: description, teacher: taught }: StepCase = stepCases[name];
  const state = new State();
  const student = buildNetwork(state, 'student', description, 1, { recompute });
  const teacher = taught && buildNetwork(state, 'teacher', taught, 2);
  const learned = state.all('trainable').filter((entry) => entry.name.startsWith('student/'));
  const optimiser = sgd(state, learned, { momentum: 0.9, weightDecay: 5e-4 });
  const method = methods.named(teacher ? 'th-kd' : 'none');
  const size = description.inputSize;
  const inputs = {
    pixels: { dtype: 'uint8', shape: [batch, size, size, 3] },
    labels: { dtype: 'int32', shape: [batch] },
    learningRate: { dtype: 'float32', shape: [] },
  } as const;
  const program = new Program(state, { eager });
  const step = program.define(
    'train',
    inputs,
    ({ pixels, labels, learningRate }) => {
      const perceive = perception(student, unplaced(pixels as Tensor4D, labels as Tensor1D), teacher);
      return optimiser.minimise(learningRate, () => termsOf(method, perceive()));
    },
    { precision },
  );
  const empty = new Program(new State()).define('empty', inputs, ({ learningRate, pixels, labels }) => {
    const touched = tf.add(tf.slice(tf.reshape(pixels, [-1]), 0, 1), tf.cast(tf.slice(labels, 0, 1), 'float32'));
    const one = tf.add(tf.mul(tf.reshape(touched, []), 0), learningRate);
    return { loss: one, ce: one, kd: one, 'th-kd': one };
  });
  const values = { ...batchOf(description, batch), learningRate: 0.05 };
  return {
    async run() {
      const { loss } = await step(values);
      return loss?.[0] ?? Number.NaN;
    },
    callEmpty: () => empty(values),
  };
}
