import { createHash } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { sides, sizeWords } from '../../system/image-size';
import { UserError } from '../../system/user-error';
import { checkRead, type ImageDataset, imageBytes } from '../dataset';
import { WorkerDeath, type WorkerPool, workerPool } from '../loading/pool';
import { type ImageSource, placeOf } from '../sources/image-source';
import type { UnreadableImages } from '../unreadable';
import { unreadableImages } from '../unreadable-images';
import { loadNativeImages } from './native';
import type { Failure, PipelineSetup, PipelineTask } from './pipeline-job';

export interface PipelineOptions extends PipelineSetup {
  /** Default: one per core. */
  readonly threads?: number;
  /**
   * What happens to images that cannot be read. By default all are for training: the next image of its class replaces
   * one, in every epoch and whatever the number of threads; label and index stay. Images that are evaluated on are never replaced.
   */
  readonly unreadable?: UnreadableImages;
}

/** An image of a batch, and the image to decode for it. */
interface Wanted {
  readonly index: number;
  readonly offset: number;
  readonly from: number;
}

type Into = Pick<PipelineTask, 'memory' | 'key'>;

/**
 * Encoded images as a dataset: worker threads read, decode, crop and augment them into shared memory. The result depends
 * on the image's index and the augmentation key alone.
 * @throws UserError if `test.resize` is less than `size`
 */
export function pipelineDataset(source: ImageSource, options: PipelineOptions): ImageDataset {
  const { size, train, test, threads = availableParallelism(), unreadable = unreadableImages(source) } = options;
  const [crop, cover] = [sides(size), sides(test.resize)];
  if (cover.height < crop.height || cover.width < crop.width) {
    throw new UserError(
      `Cannot crop ${sizeWords(size)} pixels from images that are resized to ${sizeWords(test.resize)}.`,
    );
  }
  const { name, classes, labels } = source;
  const { applyOrientation = false, native = true } = options;
  const setup: PipelineSetup = { size, train, test, applyOrientation, native };
  const sha = createHash('sha256').update(JSON.stringify([source.fingerprint, size, test, applyOrientation]));
  const bytes = imageBytes({ size });
  let pool: WorkerPool<PipelineTask, Failure[]> | undefined;
  let closed = false;

  /** The next training image of the class that can be read, starting again at image 0 after the last. */
  function replacement({ index, from }: Wanted): number {
    for (let next = (from + 1) % labels.length; next !== index; next = (next + 1) % labels.length) {
      if (labels[next] === labels[index] && !unreadable.has(next) && !unreadable.isEvaluated(next)) return next;
    }
    throw new UserError(`None of the training images of class ${labels[index]} of ${name} can be read.`, 1);
  }

  function startPool(): WorkerPool<PipelineTask, Failure[]> {
    if (native) loadNativeImages();
    return workerPool({ module: join(__dirname, 'pipeline-job.ts'), setup, threads });
  }

  /** Runs a task. If it kills its threads, runs its images one by one: the image that kills a thread has failed. */
  async function run(wanted: readonly Wanted[], into: Into): Promise<Failure[]> {
    const images = wanted.map(({ index, offset, from }) => ({ location: source.locate(from), index, offset }));
    pool ??= startPool();
    try {
      return await pool.run({ images, ...into });
    } catch (error) {
      if (!(error instanceof WorkerDeath) || closed) throw error;
      if (wanted.length === 1) return [{ position: 0, reason: error.message }];
      const failures: Failure[] = [];
      for (const [position, image] of wanted.entries()) {
        for (const failure of await run([image], into)) failures.push({ ...failure, position });
      }
      return failures;
    }
  }

  async function make(wanted: readonly Wanted[], into: Into): Promise<void> {
    const readable: Wanted[] = [];
    for (const image of wanted) {
      const isUnreadable = unreadable.has(image.from);
      if (isUnreadable && unreadable.isEvaluated(image.from)) new Uint8Array(into.memory, image.offset, bytes).fill(0);
      else readable.push(isUnreadable ? { ...image, from: replacement(image) } : image);
    }
    if (readable.length === 0) return;
    const failed = (await run(readable, into)).map(({ position, reason, isFatal }) => {
      const image = readable[position] as Wanted;
      if (isFatal)
        throw new UserError(`${placeOf(source.locate(image.from))} of ${name} cannot be used: ${reason}.`, 1);
      unreadable.add(image.from, reason);
      return image;
    });
    if (failed.length > 0) await make(failed, into);
  }

  return {
    name,
    classes,
    size,
    labels,
    fingerprint: sha.digest('hex').slice(0, 16),
    augmentation: { settings: JSON.stringify(train) },
    unreadableImages: unreadable,
    isLeftOut: (index) => unreadable.has(index) && unreadable.isEvaluated(index),
    read: async (indices, target, key) => {
      checkRead({ name, size, labels }, indices, target);
      const shared = target.buffer instanceof SharedArrayBuffer;
      const memory = shared ? (target.buffer as SharedArrayBuffer) : new SharedArrayBuffer(indices.length * bytes);
      const start = shared ? target.byteOffset : 0;
      const wanted = Array.from(indices, (index, i): Wanted => ({ index, offset: start + i * bytes, from: index }));
      // Small enough that no thread waits long for another, large enough that messages cost nothing.
      const perTask = Math.max(1, Math.min(8, Math.ceil(indices.length / (2 * threads))));
      const tasks: Promise<void>[] = [];
      for (let i = 0; i < wanted.length; i += perTask) tasks.push(make(wanted.slice(i, i + perTask), { memory, key }));
      // Waits for all tasks even if one fails: afterwards none writes into the target any more.
      const failed = (await Promise.allSettled(tasks)).find(({ status }) => status === 'rejected');
      if (failed) throw (failed as PromiseRejectedResult).reason;
      if (!shared) target.set(new Uint8Array(memory));
    },
    close: async () => {
      closed = true;
      await pool?.close();
    },
  };
}
