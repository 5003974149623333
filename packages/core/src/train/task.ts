import type { Augmentation } from '../data/batches';
import type { ImageDataset } from '../data/dataset';
import type { Inference } from './inference';
import type { Metrics } from './trainer';

export interface Conclusion {
  readonly metrics: Metrics;
  /** Names of files in the folder. */
  readonly files: readonly string[];
}

/** What networks are trained for: data to learn from, and how a network is judged on data it never saw. */
export interface Task {
  readonly train: ImageDataset;
  readonly augment: Augmentation;
  /** The metric, larger is better, that tells networks apart. */
  readonly selectBy: string;
  evaluate(inference: Inference): Promise<Metrics>;
  /**
   * Once, after the last epoch: more about the finished network, and files for its folder.
   * @param inference in the teacher's embedding space, when there was a teacher
   * @param teacher the folder of the teacher's stage
   */
  conclude?(folder: string, inference: Inference, teacher?: string): Promise<Conclusion>;
  close(): Promise<void>;
}
