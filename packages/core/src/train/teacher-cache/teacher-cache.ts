/**
 * A teacher's embeddings of all training images, on disk: computed once, read by every later epoch, seed and student.
 * Logits are not stored: the teacher's head, which the step needs anyway, computes the same ones from the embedding, and
 * with many classes they would take many times the space.
 *
 * With float32 the losses equal those of a running teacher to the last bit: an image's embedding does not depend on the
 * rest of the batch (on the CPU, in batches of at least two images; for a single image TensorFlow multiplies matrices in
 * another order, 6e-7 away). A teacher in a 16-bit step computes in 16 bits, the cache always in float32.
 */
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { ImageDataset } from '../../data/dataset';
import type { EmbeddingType } from '../../data/embedding-cache/embedding-shard';
import { type EmbeddingStore, embeddingStore } from '../../data/embedding-cache/embedding-store';
import type { AugmentedCopies } from '../../data/loading/augmented-copies';
import type { ReadEmbeddings } from '../../data/loading/batches';
import type { NetworkShape } from '../../nn/network-shape';
import { sizeWords } from '../../system/image-size';
import { makeProgress } from '../../system/progress';
import { UserError } from '../../system/user-error';
import type { NetworkWeights } from '../networks/load-network';
import { shapeOfDescription } from '../networks/shared-head';
import { cacheIdentity, keyOf } from './cache-key';
import { type RunningTeacher, runningTeacher } from './run-teacher';

export interface TeacherCacheOptions {
  readonly type: EmbeddingType;
  /**
   * Used where it saves time (`cachePays`) and changes no bit: no other code or processor may have computed it. A forward
   * pass has the same bits with any number of threads.
   */
  readonly isOptional?: boolean;
  /** Holds a folder for each teacher, data set and views; default: `.cache/teacher` of the workspace. */
  readonly folder?: string;
  /** How many images a file holds, for tests. */
  readonly embeddingsPerShard?: number;
}

export interface TeacherCacheJob extends TeacherCacheOptions {
  /** The teacher's weights. */
  readonly weights: NetworkWeights;
  readonly dataset: ImageDataset;
  readonly views: AugmentedCopies;
  /** How many images the teacher processes at once. */
  readonly batchSize: number;
  readonly eager: boolean;
  readonly signal: AbortSignal;
  readonly log: (line: string) => void;
}

export interface TeacherCache {
  /** The embedding's length. */
  readonly dimension: number;
  /** The shapes of the whole teacher's outputs. */
  readonly shape: NetworkShape;
  /** Reads the embeddings of a batch's augmented images. */
  readonly read: ReadEmbeddings;
  close(): void;
}

const defaultFolder = resolve(__dirname, '../../../../../.cache/teacher');

/**
 * Opens a teacher cache and computes missing embeddings. It also recomputes a few existing ones, to check that this machine
 * and code still give the same values.
 * @throws the signal's reason when it is aborted; finished files stay, and the next call continues from them
 */
export async function openTeacherCache(job: TeacherCacheJob): Promise<TeacherCache> {
  const { weights, type, dataset, views, log, embeddingsPerShard } = job;
  const { description, file } = weights;
  if (description.inputSize !== dataset.size) {
    throw new UserError(
      `The teacher ${file} takes images of ${sizeWords(description.inputSize)} pixels; those of ${dataset.name} have ${sizeWords(dataset.size)}.`,
      1,
    );
  }
  const shape = shapeOfDescription(description);
  const identity = cacheIdentity(weights, dataset, views);
  const key = keyOf(identity);
  const folder = join(job.folder ?? defaultFolder, `${key.slice(0, 16)}-${type}`);
  const images = dataset.labels.length;
  const store = embeddingStore({
    folder,
    key,
    type,
    dimension: shape.embeddingSize,
    images,
    copies: views.count,
    embeddingsPerShard,
  });
  const running = runningTeacher({ ...job, teacher: file });
  try {
    const missing = await store.missing();
    if (missing.length === 0 && !(await isStill(store, running, job))) {
      log(
        `teacher cache: ${folder} holds other values than the teacher computes here (other code or another machine); computing them again`,
      );
      await store.clear();
    }
    const made = await fill(store, running, folder, job);
    // For people; no code reads it.
    if (made) writeFileSync(join(folder, 'about.json'), `${JSON.stringify({ ...identity, type }, null, 2)}\n`);
  } finally {
    running.dispose();
  }
  // Damage found during training is repaired by a teacher that is loaded then.
  const later = runningTeacher({ ...job, teacher: file });
  return {
    dimension: shape.embeddingSize,
    shape,
    read: store.reader(mending(later, job)),
    close: later.dispose,
  };
}

const mending = (teacher: RunningTeacher, { signal, log }: TeacherCacheJob) => ({
  make: teacher.embeddings,
  signal,
  onDamage: (file: string) => log(`teacher cache: ${file} is damaged; computing it again`),
});

/** @returns whether any embedding was missing */
async function fill(
  store: EmbeddingStore,
  teacher: RunningTeacher,
  folder: string,
  job: TeacherCacheJob,
): Promise<boolean> {
  const { signal, log, dataset, views } = job;
  const missing = (await store.missing()).reduce((sum, { count }) => sum + count, 0);
  const total = dataset.labels.length * views.count;
  if (missing === 0) {
    log(`teacher cache: ${total} embeddings read from ${folder}`);
    return false;
  }
  const kept = missing === total ? '' : `, ${total - missing} of them already there`;
  log(`teacher cache: computing ${total} embeddings (${describe(dataset, views)}) into ${folder}${kept}`);
  const progress = makeProgress('teacher cache');
  const started = performance.now();
  try {
    await store.fill({
      make: teacher.embeddings,
      signal,
      onProgress: (done, all) => progress.update({ done, total: all, unit: 'images' }),
      onWait: () => log('teacher cache: waiting for another process that computes the rest'),
    });
  } catch (error) {
    progress.clear();
    if (signal.aborted) log('teacher cache: stopped; finished files stay, and the same command continues from them');
    throw error;
  }
  progress.clear();
  log(`teacher cache: computed in ${((performance.now() - started) / 1000).toFixed(1)} s`);
  return true;
}

function describe({ labels }: ImageDataset, { kind, count }: AugmentedCopies): string {
  if (kind === 'as-is') return `${labels.length} images`;
  return `${labels.length} images, ${kind === 'mirrored' ? 'each and its mirror image' : `${count} augmented copies each`}`;
}

// Relative to the largest value compared: float32 sums in another order differ by up to 1e-5, float16 by 5e-4.
const tolerances: Readonly<Record<EmbeddingType, number>> = { float32: 1e-4, float16: 1e-3 };

/** Whether embeddings from all over the data, of the last augmented copy, equal the teacher's present ones. */
async function isStill(store: EmbeddingStore, teacher: RunningTeacher, job: TeacherCacheJob): Promise<boolean> {
  const { dataset, views, batchSize, type, isOptional = false } = job;
  const images = dataset.labels.length;
  const count = Math.min(batchSize, images);
  const indices = Int32Array.from({ length: count }, (_, i) => Math.floor((i * images) / count));
  const view = views.count - 1;
  const kept = await store.reader(mending(teacher, job))(indices, new Int32Array(count).fill(view));
  const given = await teacher.embeddingsOf(indices, view);
  if (isOptional) return given.every((value, i) => value === kept[i]);
  const largest = given.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return given.every((value, i) => Math.abs(value - (kept[i] as number)) <= tolerances[type] * largest);
}
