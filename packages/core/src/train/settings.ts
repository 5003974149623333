import type { MixSettings } from '../data/augment/mix';
import type { ChosenMethod } from '../distill/combine-methods';
import type { NetworkDescription } from '../nn/network';
import type { Precision } from '../runtime/precision';
import type { HeadAgreement } from './head-agreement';
import type { Metrics } from './metrics';
import type { ScheduleOptions } from './schedule';
import type { SharedHead } from './shared-head';
import type { Task } from './task';
import type { TeacherCacheOptions } from './teacher-cache/teacher-cache';

export interface TrainingSettings extends ScheduleOptions, MixSettings {
  /** Images a step. */
  readonly batchSize: number;
  /** How many micro-batches a step's images are cut into, which must divide them; batch norm sees one at a time. */
  readonly accumulate: number;
  readonly seed: number;
  readonly momentum: number;
  readonly weightDecay: number;
  /** Largest norm of all gradients together; 0: not clipped. */
  readonly clipNorm: number;
  /** The share of the target of cross-entropy, [0, 1), that all classes have in equal parts. */
  readonly labelSmoothing: number;
  /** What the learning rate is multiplied by for the backbone. */
  readonly backboneRate: number;
  /** What the running average of the weights, which is the result, keeps of itself at a step, below 1; 0: no average. */
  readonly emaDecay: number;
  /** Keeps less of it in the first steps. */
  readonly emaWarmUp: boolean;
  /** Epochs between evaluations; the last epoch is always evaluated. */
  readonly evaluateEvery: number;
  /** Checkpoints are written after every epoch, and within one when the last is this old. 0: after every step. */
  readonly checkpointMinutes: number;
}

export interface RunSurroundings {
  /** Where checkpoints go; a run that finds its own there goes on from it. */
  readonly folder: string;
  readonly signal: AbortSignal;
  readonly tracker: {
    metrics(values: Metrics, step: number): void;
    /** Resolves when all that was told is on the disk. */
    flush(): Promise<void>;
  };
  readonly log: (line: string) => void;
}

export interface Distillation {
  /** The teacher's checkpoint. */
  readonly teacher: string;
  readonly method: ChosenMethod;
  /** How much the teacher's head has of the student's predictions in evaluation, 0..1; default: nothing. */
  readonly predictionShare?: number;
  /** How many drawn views of each image training shows in turn; default 0: the augmentation draws anew each epoch. */
  readonly views?: number;
  /** The teacher's embeddings are read from a file, which is made first; default: the teacher runs in every step. */
  readonly cache?: TeacherCacheOptions;
}

export interface NetworkTraining extends RunSurroundings {
  /** What the network is called in the terminal and its state: 'teacher' or 'student'. */
  readonly role: 'teacher' | 'student';
  readonly task: Task;
  readonly network: NetworkDescription;
  readonly settings: TrainingSettings;
  readonly distillation?: Distillation;
  readonly sharedHead?: SharedHead;
  /** A file of weights that training starts from, instead of random ones: see `startFrom`. */
  readonly initial?: string;
  /** Runs steps operation by operation, for debugging. */
  readonly eager?: boolean;
  /** The network's blocks are computed again for their gradients, to take less memory: the same bits, in more time. */
  readonly recompute?: boolean;
  /**
   * The share of all classes that takes part in a step (Partial FC), in (0, 1]; default 1: all. Of momentum and weight
   * decay of the classes' weights too, only those of the classes that take part are moved.
   */
  readonly classShare?: number;
  /** What convolutions and matrix products of the training steps compute in, the teacher's too; default: float32. */
  readonly precision?: Precision;
}

export interface TrainedNetwork extends Outcome {
  /** Of the backbone and its head, not of what only its training needed. */
  readonly parameters: number;
  /** In the folder: checkpoints, and what the task concluded with. */
  readonly files: readonly string[];
  /** In the folder: what only going on with training needed. */
  readonly temporaryFiles: readonly string[];
  /** How its head goes together with its teacher's, where they can be compared. */
  readonly heads?: HeadAgreement;
}

export interface Outcome {
  readonly last: Metrics;
  /** All metrics at the epoch that was chosen. */
  readonly best: Metrics;
  /** The epoch, counted from 1, of `best`. */
  readonly bestEpoch: number;
  /** Of this process's steps but the first, waiting for images included; 0: there were none. */
  readonly imagesPerSecond: number;
}
