/** What a training is asked to do, and what it returns. */
import type { MixSettings } from '../data/augment/mix';
import type { ChosenMethod } from '../distill/combine-methods';
import type { NetworkDescription } from '../nn/network';
import { checkPrecision, type Precision } from '../runtime/precision';
import type { Metrics } from './evaluation/metrics';
import type { Task } from './evaluation/task';
import { microBatchSize } from './micro-batches';
import { checkMixing } from './mixing';
import type { HeadAgreement } from './networks/head-agreement';
import type { SharedHead } from './networks/shared-head';
import type { ScheduleOptions } from './optimiser/schedule';
import { checkClassShare } from './partial-fc';
import type { TeacherCacheOptions } from './teacher-cache/teacher-cache';
import type { Workers } from './workers/group';

export interface TrainingSettings extends ScheduleOptions, MixSettings {
  /** Images a step. */
  readonly batchSize: number;
  /** How many slices (micro-batches) a batch is cut into; must divide it. Batch norm sees one slice at a time. */
  readonly accumulate: number;
  readonly seed: number;
  readonly momentum: number;
  readonly weightDecay: number;
  /** Largest norm of all gradients together; 0: not clipped. */
  readonly clipNorm: number;
  /** The share of the cross-entropy's target, [0, 1), that is spread evenly over all classes. */
  readonly labelSmoothing: number;
  /** Multiplies the backbone's learning rate. */
  readonly backboneRate: number;
  /** Decay of the exponential moving average of the weights, which is then the result; 0: no average. */
  readonly emaDecay: number;
  /** Lowers the decay in the first steps. */
  readonly emaWarmUp: boolean;
  /** Epochs between evaluations; the last epoch is always evaluated. */
  readonly evaluateEvery: number;
  /** Within an epoch a checkpoint is written when the last is this old; one is written after every epoch. 0: every step. */
  readonly checkpointMinutes: number;
}

/** Settings that leave plain SGD as it is: everything off that can be. */
export const offByDefault = {
  warmUpEpochs: 0,
  clipNorm: 0,
  labelSmoothing: 0,
  backboneRate: 1,
  mixup: 0,
  cutmix: 0,
  mixProbability: 1,
  mixSwitchProbability: 0.5,
  emaDecay: 0,
  emaWarmUp: false,
} as const satisfies Partial<TrainingSettings>;

export interface RunSurroundings {
  /** Receives the checkpoints; a training that finds its own there resumes. */
  readonly folder: string;
  readonly signal: AbortSignal;
  readonly tracker: {
    metrics(values: Metrics, step: number): void;
    /** In a worker that is not home: it keeps the metrics of a step for home. */
    kept?(step: number): void;
    /** Resolves when all metrics so far are on the disk. */
    flush(): Promise<void>;
  };
  readonly log: (line: string) => void;
}

export interface Distillation {
  /** The teacher's checkpoint. */
  readonly teacher: string;
  readonly method: ChosenMethod;
  /** The weight of the teacher's head in the student's predictions, 0..1; default: 0. */
  readonly predictionShare?: number;
  /** How many augmented copies of each image training shows in turn; default 0: every epoch draws new ones. */
  readonly views?: number;
  /** Reads the teacher's embeddings from files; default: the teacher runs in every step. */
  readonly cache?: TeacherCacheOptions;
}

interface StepOptions {
  /** Runs steps operation by operation, for debugging. */
  readonly eager?: boolean;
  /** Partial FC: the share of all classes that takes part in a step, in (0, 1]; default 1. */
  readonly classShare?: number;
  /** The type that convolutions and matrix products of training steps compute in; default: float32. */
  readonly precision?: Precision;
}

export interface NetworkTraining extends RunSurroundings, StepOptions {
  /** Names the network in the log and in its variables. */
  readonly role: 'teacher' | 'student';
  readonly task: Task;
  readonly network: NetworkDescription;
  readonly settings: TrainingSettings;
  readonly distillation?: Distillation;
  readonly sharedHead?: SharedHead;
  /** A file of weights to start from; default: random weights. */
  readonly initial?: string;
  /** Which of several networks in that file; see `findStateDict`. */
  readonly stateDict?: string | undefined;
  /** The workers that train together; absent: this process alone. */
  readonly workers?: Workers | undefined;
  /** Spreads the head's classes over the workers; default: each has all. */
  readonly shardClasses?: boolean;
  /** Computes the blocks' activations again for the gradients: less memory, more time, the same bits. */
  readonly recompute?: boolean;
}

export interface Outcome {
  readonly last: Metrics;
  /** All metrics of the best epoch. */
  readonly best: Metrics;
  /** Counted from 1. */
  readonly bestEpoch: number;
  /** The mean loss of the last epoch's steps; absent where the resumed training's checkpoint lacks it. */
  readonly trainLoss?: number | undefined;
  /** Over this process's steps but the first, including the time spent waiting for images; 0: there were none. */
  readonly imagesPerSecond: number;
}

export interface TrainedNetwork extends Outcome {
  /** Of the backbone and its head, without weights that only the training needed. */
  readonly parameters: number;
  /** In the folder: checkpoints, and the files that the task wrote at the end. */
  readonly files: readonly string[];
  /** In the folder: files that only resuming needed. */
  readonly temporaryFiles: readonly string[];
  /** How the network's head agrees with its teacher's, where the two can be compared. */
  readonly heads?: HeadAgreement;
}

/** @throws UserError for settings that are valid on their own, but not together or on this device */
export function checkTraining(
  settings: MixSettings & Pick<TrainingSettings, 'batchSize' | 'accumulate' | 'emaDecay'> & Required<StepOptions>,
): void {
  microBatchSize(settings.batchSize, settings.accumulate);
  checkPrecision(settings.precision, settings.eager);
  checkClassShare(settings);
  checkMixing(settings);
}
