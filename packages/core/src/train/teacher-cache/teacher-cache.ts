/**
 * A teacher's embeddings of all that training shows, on disk: made once, read by every epoch, seed and student after.
 * Its logits are not kept: its head makes the very same ones of the embedding in the step, where it is needed anyway,
 * and a row of logits for each of many classes would be many times as long.
 *
 * In float32 the losses are those of a teacher that runs, to the last bit: an image's embedding does not depend on the
 * images beside it (on the CPU, from two images on: of one, TensorFlow multiplies matrices in another order, 6e-7 away).
 * A teacher that runs in a 16-bit step computes in 16 bits, the cache always in float32.
 */
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { ImageDataset } from '../../data/dataset';
import type { EmbeddingType } from '../../data/embedding-cache/embedding-shard';
import { type EmbeddingStore, embeddingStore } from '../../data/embedding-cache/embedding-store';
import type { AugmentedCopies } from '../../data/loading/augmented-copies';
import type { ReadEmbeddings } from '../../data/loading/batches';
import type { NetworkShape } from '../../nn/network-shape';
import { makeProgress } from '../../system/progress';
import { UserError } from '../../system/user-error';
import type { NetworkWeights } from '../networks/load-network';
import { shapeOfDescription } from '../networks/shared-head';
import { cacheIdentity, keyOf } from './cache-key';
import { type RunningTeacher, runningTeacher } from './run-teacher';

export interface TeacherCacheOptions {
  readonly type: EmbeddingType;
  /** Holds a folder for each teacher, data set and views; default: `.cache/teacher` of the workspace. */
  readonly folder?: string;
  /** For tests: how many images a file has. */
  readonly embeddingsPerShard?: number;
}

export interface TeacherCacheJob extends TeacherCacheOptions {
  /** The teacher's. */
  readonly weights: NetworkWeights;
  readonly dataset: ImageDataset;
  readonly views: AugmentedCopies;
  /** How many images the teacher looks at at once. */
  readonly batchSize: number;
  readonly eager: boolean;
  readonly signal: AbortSignal;
  readonly log: (line: string) => void;
}

export interface TeacherCache {
  /** Of an embedding. */
  readonly dimension: number;
  /** Of the whole teacher. */
  readonly shape: NetworkShape;
  /** Reads the embeddings of a batch's images in the views that they show. */
  readonly read: ReadEmbeddings;
  close(): void;
}

const defaultFolder = resolve(__dirname, '../../../../../.cache/teacher');

/**
 * Opens a teacher's cache, and makes what is missing of it; a few embeddings are computed to see that they are still
 * what the teacher gives.
 * @throws the signal's reason, when it is aborted: whole files are kept, and the next call goes on from them
 */
export async function openTeacherCache(job: TeacherCacheJob): Promise<TeacherCache> {
  const { weights, type, dataset, views, log, embeddingsPerShard } = job;
  const { description, file } = weights;
  if (description.inputSize !== dataset.size) {
    throw new UserError(
      `The teacher ${file} looks at images of ${description.inputSize} pixels, those of ${dataset.name} have ${dataset.size}.`,
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
        `teacher's cache: ${folder} is of other code or another machine: its numbers are not those that the teacher gives here; it is made anew`,
      );
      await store.clear();
    }
    const made = await fill(store, running, folder, job);
    // For people: nothing reads it.
    if (made) writeFileSync(join(folder, 'about.json'), `${JSON.stringify({ ...identity, type }, null, 2)}\n`);
  } finally {
    running.dispose();
  }
  // What is damaged later is mended by a teacher that is loaded then.
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
  onDamage: (file: string) => log(`teacher's cache: ${file} is damaged; it is made again`),
});

/** @returns whether something was missing */
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
    log(`teacher's cache: ${total} embeddings read from ${folder}`);
    return false;
  }
  const kept = missing === total ? '' : `, ${total - missing} of them there already`;
  log(`teacher's cache: ${total} embeddings (${describe(dataset, views)}) into ${folder}${kept}`);
  const progress = makeProgress("teacher's cache");
  const started = performance.now();
  try {
    await store.fill({
      make: teacher.embeddings,
      signal,
      onProgress: (done, all) => progress.update({ done, total: all, unit: 'images' }),
      onWait: () => log("teacher's cache: another process makes the rest; waiting for it"),
    });
  } catch (error) {
    progress.clear();
    if (signal.aborted)
      log("teacher's cache: stopped; its whole files are kept, and the same command goes on from them");
    throw error;
  }
  progress.clear();
  log(`teacher's cache: made in ${((performance.now() - started) / 1000).toFixed(1)} s`);
  return true;
}

function describe({ labels }: ImageDataset, { kind, count }: AugmentedCopies): string {
  if (kind === 'as-is') return `${labels.length} images`;
  return `${labels.length} images, ${kind === 'mirrored' ? 'each and its mirror image' : `${count} views each`}`;
}

// Of the largest number among those compared: float32's sums in another order are within 1e-5, float16 within 5e-4.
const tolerances: Readonly<Record<EmbeddingType, number>> = { float32: 1e-4, float16: 1e-3 };

/** Whether a batch of embeddings from all over the data, in the last view, are what the teacher gives now. */
async function isStill(store: EmbeddingStore, teacher: RunningTeacher, job: TeacherCacheJob): Promise<boolean> {
  const { dataset, views, batchSize, type } = job;
  const images = dataset.labels.length;
  const count = Math.min(batchSize, images);
  const indices = Int32Array.from({ length: count }, (_, i) => Math.floor((i * images) / count));
  const view = views.count - 1;
  const kept = await store.reader(mending(teacher, job))(indices, new Int32Array(count).fill(view));
  const given = await teacher.embeddingsOf(indices, view);
  const largest = given.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return given.every((value, i) => Math.abs(value - (kept[i] as number)) <= tolerances[type] * largest);
}
