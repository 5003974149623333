import type { ImageDataset } from '../../data/dataset';
import type { Inference } from './inference';
import type { Metrics } from './metrics';

/**
 * What the best epoch is chosen on. held-out: training images that are not trained on. test: the images that networks are
 * judged by, which flatters. last: nothing, the last epoch counts as the best.
 */
export const selections = ['held-out', 'test', 'last'] as const;
export type SelectOn = (typeof selections)[number];

/** What metrics on the held-out images are called: `held_out/top1`. */
export const heldOutPrefix = 'held_out/';

/** The metric by which a task's best epoch is chosen; undefined where the last one counts. */
export function choosingMetric({
  selectBy,
  selectOn = 'test',
}: Pick<Task, 'selectBy' | 'selectOn'>): string | undefined {
  return { 'held-out': `${heldOutPrefix}${selectBy}`, test: selectBy, last: undefined }[selectOn];
}

/** Images that a task reads, as its record names them. */
export interface TaskImages {
  readonly images: Pick<ImageDataset, 'name' | 'labels' | 'classes' | 'fingerprint'>;
  readonly use: 'training' | 'validation' | 'evaluation';
  /** The folder or file that they are read from; absent where they are drawn. */
  readonly from?: string | undefined;
}

/** What networks are trained for: data to learn from, and how a network is judged on data it never saw. */
export interface Task {
  readonly train: ImageDataset;
  /** All that it trains on and judges by, for the record; absent: `train` alone, which is drawn. */
  readonly reads?: readonly TaskImages[];
  /** The metric, larger is better, that tells networks apart. */
  readonly selectBy: string;
  /** What the best epoch is chosen on; default: test. */
  readonly selectOn?: SelectOn;
  evaluate(inference: Inference): Promise<Metrics>;
  /**
   * Once, after the last epoch: leaves in the folder what `compareWithTeacher` needs of the finished network, and what there is to
   * report of it.
   * @param inference in the teacher's embedding space, when there was a teacher
   * @param own in the network's own
   * @returns the names of the files it wrote
   */
  finish(folder: string, inference: Inference, own: Inference): Promise<readonly string[]>;
  /**
   * Tables and pictures of a finished network, from what `finish` left in the folder.
   * @returns the names of the files it wrote
   */
  report?(folder: string): Promise<readonly string[]>;
  /** How two finished networks go together, from what `finish` left in their folders. */
  compareWithTeacher(teacherFolder: string, studentFolder: string): Metrics;
  close(): Promise<void>;
}
