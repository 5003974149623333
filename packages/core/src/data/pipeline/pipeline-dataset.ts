import { createHash } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { sides, sizeWords } from '../../system/image-size';
import { UserError } from '../../system/user-error';
import { checkRead, type ImageDataset, imageBytes } from '../dataset';
import { WorkerDeath, type WorkerPool, workerPool } from '../loading/pool';
import type { ImageSource } from '../sources/image-source';
import { loadNativeImages } from './native';
import type { Failure, PipelineSetup, PipelineTask } from './pipeline-job';

export interface PipelineOptions extends PipelineSetup {
  /** Default: one per core. */
  readonly threads?: number;
  /**
   * `skip` (default) replaces an image that cannot be decoded by the next one of its class, in every epoch and whatever
   * the number of threads; label and index stay. `fail` throws a UserError.
   */
  readonly onCorrupt?: 'skip' | 'fail';
  /** Indices of held-out images: they replace only each other, as long as one of the class can be decoded. */
  readonly apart?: ArrayLike<number> | undefined;
  /** Gets each skipped image once. */
  readonly onSkip?: (skipped: { readonly index: number; readonly file: string; readonly reason: string }) => void;
}

/** An image of a batch, and the image to decode for it. */
interface Wanted {
  readonly index: number;
  readonly offset: number;
  from: number;
}

type Into = Pick<PipelineTask, 'memory' | 'key'>;

/**
 * Encoded images as a dataset: worker threads read, decode, crop and augment them into shared memory. The result depends
 * on the image's index and the augmentation key alone.
 * @throws UserError if `test.resize` is less than `size`
 */
export function pipelineDataset(source: ImageSource, options: PipelineOptions): ImageDataset {
  const { size, train, test, onCorrupt = 'skip', threads = availableParallelism(), apart = [] } = options;
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
  const skipped = new Set<number>();
  // The classes; held-out images have their own class numbers.
  const groups = apart.length === 0 ? labels : labels.slice();
  for (const index of Array.from(apart)) groups[index] = (labels[index] as number) + classes;
  let pool: WorkerPool<PipelineTask, Failure[]> | undefined;
  let closed = false;

  function replacement({ index, from }: Wanted): number {
    const next = nextOfClass(groups, index, from, skipped) ?? nextOfClass(labels, index, index, skipped);
    if (next !== undefined) return next;
    throw new UserError(`None of the images of class ${labels[index]} of ${name} can be decoded.`, 1);
  }

  function skip(index: number, reason: string): void {
    const { file } = source.locate(index);
    if (onCorrupt === 'fail') {
      throw new UserError(`Image ${index} of ${name}, ${file}, cannot be decoded: ${reason}`, 1);
    }
    if (skipped.has(index)) return;
    skipped.add(index);
    options.onSkip?.({ index, file, reason });
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
        for (const { reason } of await run([image], into)) failures.push({ position, reason });
      }
      return failures;
    }
  }

  async function make(wanted: readonly Wanted[], into: Into): Promise<void> {
    for (const image of wanted) if (skipped.has(image.from)) image.from = replacement(image);
    const failures = await run(wanted, into);
    const failed = failures.map(({ position, reason }) => {
      const image = wanted[position] as Wanted;
      skip(image.from, reason);
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

/**
 * The image that replaces `index` after the damaged image `from` (at first `index` itself): the next undamaged one with
 * the same label, starting again at image 0 after the last. Undefined if there is none.
 */
function nextOfClass(
  labels: Int32Array,
  index: number,
  from: number,
  damaged: ReadonlySet<number>,
): number | undefined {
  for (let next = (from + 1) % labels.length; next !== index; next = (next + 1) % labels.length) {
    if (labels[next] === labels[index] && !damaged.has(next)) return next;
  }
  return undefined;
}
