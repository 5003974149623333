import type { Augmentation } from '../data/batches';
import type { ImageDataset } from '../data/dataset';
import type { Inference } from './inference';
import type { Metrics } from './trainer';

/** What networks are trained for: data to learn from, and how a network is judged on data it never saw. */
export interface Task {
  readonly train: ImageDataset;
  readonly augment: Augmentation;
  /** The metric, larger is better, that tells networks apart. */
  readonly selectBy: string;
  evaluate(inference: Inference): Promise<Metrics>;
  /**
   * Once, after the last epoch: leaves in the folder what `relate` needs of the finished network, and what there is to
   * report of it.
   * @param inference in the teacher's embedding space, when there was a teacher
   * @param own in the network's own
   * @returns the names of the files it wrote
   */
  conclude(folder: string, inference: Inference, own: Inference): Promise<readonly string[]>;
  /** How two finished networks go together, from what `conclude` left in their folders. */
  relate(teacherFolder: string, studentFolder: string): Metrics;
  close(): Promise<void>;
}
