import type { Objective } from '../distill/objective';
import type { NetworkDescription } from '../nn/network';
import type { Precision } from '../runtime/precision';
import type { HeadAgreement } from './head-agreement';
import type { SharedHead } from './shared-head';
import type { Task } from './task';
import type { TeacherCacheOptions } from './teacher-cache/teacher-cache';
import type { Outcome, RunSurroundings, TrainingSettings } from './trainer';

export interface Distillation {
  /** The teacher's checkpoint. */
  readonly teacher: string;
  readonly objective: Objective;
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
  readonly passing: readonly string[];
  /** How its head goes together with its teacher's, where they can be compared. */
  readonly heads?: HeadAgreement;
}
