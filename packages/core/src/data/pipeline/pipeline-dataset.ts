import { createHash } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { UserError } from '../../system/user-error';
import { type AugmentationKey, checkRead, type ImageDataset, imageBytes } from '../dataset';
import { WorkerDeath, type WorkerPool, workerPool } from '../loading/pool';
import type { ImageSource } from '../sources/image-source';
import { loadNativeImages } from './native';
import type { Failure, PipelineImage, PipelineSetup, PipelineTask } from './pipeline-job';
import { nextOfClass } from './stand-in';
import type { TestTransform, TrainTransform } from './transforms';

export interface PipelineOptions {
  /** Images become size x size. */
  readonly size: number;
  readonly train: TrainTransform;
  readonly test: TestTransform;
  /** Default: one per core. */
  readonly threads?: number;
  /**
   * What becomes of an image that cannot be decoded: the next one of its class stands in for it, in every epoch and
   * whatever the number of threads (its label and index stay), or reading fails. Default 'skip'.
   */
  readonly onCorrupt?: 'skip' | 'fail';
  /** Images, by index, that no others stand in for, nor the other way round, unless a class is damaged but for them. */
  readonly apart?: ArrayLike<number> | undefined;
  /** Turns pictures as their EXIF tag says; default false, as torchvision. */
  readonly applyOrientation?: boolean;
  /** Hears once of each image that is skipped. */
  readonly onSkip?: (skipped: Skipped) => void;
  /** False: sharp decodes JPEGs too, with the same result; default true. */
  readonly native?: boolean;
}

export interface Skipped {
  readonly index: number;
  readonly file: string;
  readonly reason: string;
}

export interface PipelineDataset extends ImageDataset {
  /** The images that could not be decoded so far, by index. */
  readonly skipped: ReadonlyMap<number, Skipped>;
}

type Pool = WorkerPool<PipelineTask, Failure[]>;

/**
 * Encoded images as a data set: worker threads read, decode, crop and augment them into shared memory. What comes out
 * depends on the image's index and the augmentation key alone.
 */
export function pipelineDataset(source: ImageSource, options: PipelineOptions): PipelineDataset {
  const { size, train, test, onCorrupt = 'skip', threads = availableParallelism(), apart = [] } = options;
  if (test.resize < size) {
    throw new UserError(`The shorter side is resized to ${test.resize}, less than the ${size} pixels cropped from it.`);
  }
  const { name, classes, labels } = source;
  const setup: PipelineSetup = {
    size,
    train,
    test,
    applyOrientation: options.applyOrientation ?? false,
    native: options.native ?? true,
  };
  const bytes = imageBytes({ size });
  const skipped = new Map<number, Skipped>();
  // Classes, those of images that are kept apart under numbers of their own.
  const groups = apart.length === 0 ? labels : labels.slice();
  for (const index of Array.from(apart)) groups[index] = (labels[index] as number) + classes;
  let pool: Pool | undefined;
  let closed = false;

  /** Images of one batch, each with the image that is read for it. */
  interface Wanted {
    readonly index: number;
    readonly offset: number;
    from: number;
  }

  function standIn({ index, from }: Wanted): number {
    const next = nextOfClass(groups, index, from, skipped) ?? nextOfClass(labels, index, index, skipped);
    if (next === undefined) {
      throw new UserError(`None of the images of class ${labels[index]} of ${name} can be decoded.`, 1);
    }
    return next;
  }

  function note(index: number, reason: string): void {
    const { file } = source.locate(index);
    if (onCorrupt === 'fail') {
      throw new UserError(`Image ${index} of ${name}, ${file}, cannot be decoded: ${reason}`, 1);
    }
    if (skipped.has(index)) return;
    skipped.set(index, { index, file, reason });
    options.onSkip?.({ index, file, reason });
  }

  async function runTask(wanted: readonly Wanted[], memory: SharedArrayBuffer, key: AugmentationKey | undefined) {
    const images = wanted.map(
      ({ index, offset, from }): PipelineImage => ({ location: source.locate(from), index, offset }),
    );
    pool ??= startPool();
    return pool.run({ images, memory, key });
  }

  function startPool(): Pool {
    if (setup.native) loadNativeImages();
    return workerPool<PipelineSetup, PipelineTask, Failure[]>({
      module: join(__dirname, 'pipeline-job.ts'),
      setup,
      threads,
    });
  }

  /** An image that ends every thread that touches it counts as damaged; those of its task are done one by one. */
  async function survive(
    wanted: readonly Wanted[],
    memory: SharedArrayBuffer,
    key: AugmentationKey | undefined,
  ): Promise<Failure[]> {
    try {
      return await runTask(wanted, memory, key);
    } catch (error) {
      if (!(error instanceof WorkerDeath) || closed) throw error;
      if (wanted.length === 1) return [{ place: 0, reason: error.message }];
      const failures: Failure[] = [];
      for (const [place, image] of wanted.entries()) {
        for (const { reason } of await survive([image], memory, key)) failures.push({ place, reason });
      }
      return failures;
    }
  }

  async function make(
    wanted: readonly Wanted[],
    memory: SharedArrayBuffer,
    key: AugmentationKey | undefined,
  ): Promise<void> {
    for (const image of wanted) if (skipped.has(image.from)) image.from = standIn(image);
    const failures = await survive(wanted, memory, key);
    const again = failures.map(({ place, reason }) => {
      const image = wanted[place] as Wanted;
      note(image.from, reason);
      return image;
    });
    if (again.length > 0) await make(again, memory, key);
  }

  return {
    name,
    classes,
    size,
    labels,
    skipped,
    fingerprint: fingerprintOf(source, setup),
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
      for (let i = 0; i < wanted.length; i += perTask) tasks.push(make(wanted.slice(i, i + perTask), memory, key));
      await settled(tasks);
      if (!shared) target.set(new Uint8Array(memory));
    },
    close: async () => {
      closed = true;
      await pool?.close();
    },
  };
}

/** As Promise.all, but nothing writes into the target any more once it is rejected. */
async function settled(tasks: readonly Promise<void>[]): Promise<void> {
  for (const result of await Promise.allSettled(tasks)) if (result.status === 'rejected') throw result.reason;
}

function fingerprintOf(source: ImageSource, { size, test, applyOrientation }: PipelineSetup): string {
  const sha = createHash('sha256').update(JSON.stringify([source.fingerprint, size, test, applyOrientation]));
  return sha.digest('hex').slice(0, 16);
}
