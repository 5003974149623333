import type { Preparation, Thresholds } from 'headshare-student/card';
import type { ImageDataset } from '../../data/dataset';
import type { UnreadableCount } from '../../data/unreadable';
import type { Embeddings, Inference } from './inference';
import type { Metrics } from './metrics';

/**
 * Where the best epoch is chosen. held-out: on training images that are not trained on. test: on the test images, which
 * makes the reported accuracy too high. last: nowhere; the last epoch counts as the best.
 */
export const selections = ['held-out', 'test', 'last'] as const;
export type SelectOn = (typeof selections)[number];

/** The prefix of metrics on the held-out images: `held_out/top1`. */
export const heldOutPrefix = 'held_out/';

/** The metric that chooses a task's best epoch; undefined if the last epoch counts. */
export function choosingMetric({
  selectBy,
  selectOn = 'test',
}: Pick<Task, 'selectBy' | 'selectOn'>): string | undefined {
  return { 'held-out': `${heldOutPrefix}${selectBy}`, test: selectBy, last: undefined }[selectOn];
}

/** A data set that a task reads, as it is logged. */
export interface TaskImages {
  readonly images: Pick<ImageDataset, 'name' | 'labels' | 'classes' | 'fingerprint' | 'unreadableImages'>;
  readonly use: 'training' | 'validation' | 'evaluation';
  /** How the images were chosen, where the data does not say so itself. */
  readonly note?: string | undefined;
  /** The folder or file of the images; absent for synthetic data. */
  readonly from?: string | undefined;
}

/** What a network of a task, exported for applications, says of its use: see headshare-student's card. */
export interface Usage {
  readonly kind: 'face' | 'classification';
  readonly preparation: Preparation;
  /** Names by label. */
  readonly classNames?: readonly string[] | undefined;
  /** Why its numbers say little about photos: `synthetic faces`. */
  readonly caution?: string;
  readonly verification?: Verification;
}

/** The verification images of a task, whose embeddings give thresholds. */
export interface Verification {
  /** The embeddings in a finished stage's folder, in its teacher's space if it had a teacher; undefined without any. */
  read(folder: string): Embeddings | undefined;
  embed(inference: Inference): Promise<Embeddings>;
  /**
   * @param gallery embeddings of the same images by another network, the teacher, in the same space
   * @param mirror whether image and mirror image count together
   */
  thresholds(own: Embeddings, gallery: Embeddings | undefined, mirror: boolean): Thresholds;
}

/** Writes files into a folder. @returns their names */
export type WriteFiles = (folder: string) => Promise<readonly string[]>;

/** Training data, and how networks are evaluated on other data. */
export interface Task {
  readonly train: ImageDataset;
  /** All data sets for the log; absent: `train` alone, which is synthetic. */
  readonly reads?: readonly TaskImages[];
  /** Sentences about the data, for the log: what was found, taken and left out. */
  readonly notes?: readonly string[] | undefined;
  /** Records that the data sets lack because they cannot be read. */
  readonly lost?: readonly UnreadableCount[];
  /** The metric that compares networks; larger is better. */
  readonly selectBy: string;
  /** Default: test. */
  readonly selectOn?: SelectOn;
  /** Absent: nothing is known. */
  readonly usage?: Usage;
  evaluate(inference: Inference): Promise<Metrics>;
  /**
   * Measures the network after the last epoch; several workers do it together, as `evaluate`.
   * @param inference gives embeddings in the teacher's space, if there was a teacher
   * @param own gives embeddings in the network's own space
   * @returns writes the files for `compareWithTeacher` and `report`; one process calls it
   */
  finish(inference: Inference, own: Inference): Promise<WriteFiles>;
  /**
   * Writes tables and pictures of a finished network, from the files of `finish`.
   * @returns the names of the files
   */
  report?(folder: string): Promise<readonly string[]>;
  /** Compares two finished networks, from the files of `finish` in their folders. */
  compareWithTeacher(teacherFolder: string, studentFolder: string): Metrics;
  close(): Promise<void>;
}
