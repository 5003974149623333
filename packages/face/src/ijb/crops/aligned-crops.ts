import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { checkRead, type ImageDataset, imageBytes } from '@headshare/core/data/dataset';
import { type WorkerPool, workerPool } from '@headshare/core/data/loading/pool';
import { loadNativeImages } from '@headshare/core/data/pipeline/native';
import { UserError } from '@headshare/core/system/user-error';
import type { AlignFailure, AlignSetup, AlignTask } from './align-job';
import { referencePoints, type Similarity, similarity } from './alignment';

export interface AlignedCropsOptions {
  readonly name: string;
  /** Where the images lie, and their names in it. */
  readonly folder: string;
  readonly names: readonly string[];
  /** [images, 5, 2], in pixels: left eye, right eye, nose, left and right corner of the mouth. */
  readonly landmarks: Float32Array;
  /** Crops become size x size; default 112. */
  readonly size?: number;
  /** For training; default: all 0. */
  readonly labels?: Int32Array;
  readonly classes?: number;
  /**
   * What becomes of an image that is missing or damaged, or whose points cannot be aligned: opening or reading fails
   * (default), as insightface's script would, or its crop is black.
   */
  readonly onUnreadable?: 'fail' | 'black';
  /** Default: one per core. */
  readonly threads?: number;
  /** False: sharp decodes JPEGs too, with the same result; default true. */
  readonly native?: boolean;
}

export interface AlignedCrops extends ImageDataset {
  /** Why the crop of an image is black, by index, as far as is known: damage shows when an image is read. */
  readonly unreadable: ReadonlyMap<number, string>;
}

const imagesPerTask = 8;

/**
 * Faces cut out of loose crops by their landmarks, as insightface prepares them for its networks. Worker threads read,
 * decode and align. EXIF's orientation is applied, as OpenCV's imread does.
 * @throws UserError naming images that are missing, or whose points cannot be aligned
 */
export async function alignedCrops(options: AlignedCropsOptions): Promise<AlignedCrops> {
  const {
    name,
    folder,
    names,
    landmarks,
    size = 112,
    onUnreadable = 'fail',
    threads = availableParallelism(),
  } = options;
  const { classes = 1, labels = new Int32Array(names.length) } = options;
  if (landmarks.length !== names.length * 10) {
    throw new RangeError(`${name}: ${names.length} images, but ${landmarks.length} coordinates of landmarks`);
  }
  const setup: AlignSetup = { size, native: options.native ?? true };
  const fileOf = (index: number) => join(folder, names[index] as string);
  const unreadable = new Map<number, string>();
  const target = referencePoints(size);
  const matrixOf = (index: number) => similarity(landmarks.subarray(index * 10, index * 10 + 10), target);

  const sha = createHash('sha256').update(JSON.stringify([name, size, labels.length]));
  sha.update(new Uint8Array(landmarks.buffer, landmarks.byteOffset, landmarks.byteLength));
  sha.update(new Uint8Array(labels.buffer, labels.byteOffset, labels.byteLength));
  for await (const [index, found] of stated(names.length, fileOf)) {
    sha.update(`${names[index]}\0${found.ok ? `${found.size}\0${found.mtimeMs}` : ''}\0`);
    if (!found.ok) unreadable.set(index, found.reason);
    else if (!matrixOf(index)) unreadable.set(index, 'its landmarks cannot be aligned');
  }
  if (onUnreadable === 'fail' && unreadable.size > 0) throw unreadableError(name, names, folder, unreadable);

  const bytes = imageBytes({ size });
  let pool: WorkerPool<AlignTask, AlignFailure[]> | undefined;

  function startPool() {
    if (setup.native) loadNativeImages();
    return workerPool<AlignSetup, AlignTask, AlignFailure[]>({
      module: join(__dirname, 'align-job.ts'),
      setup,
      threads,
    });
  }

  interface Wanted {
    readonly index: number;
    readonly offset: number;
    readonly matrix: Similarity;
  }

  async function align(wanted: readonly Wanted[], memory: SharedArrayBuffer): Promise<void> {
    pool ??= startPool();
    const images = wanted.map(({ index, offset, matrix }) => ({ file: fileOf(index), matrix, offset }));
    for (const { place, reason } of await pool.run({ images, memory })) {
      const { index } = wanted[place] as Wanted;
      unreadable.set(index, reason);
      if (onUnreadable === 'fail') {
        throw new UserError(`Image ${index} of ${name}, ${fileOf(index)}, cannot be read: ${reason}`, 1);
      }
    }
  }

  return {
    name,
    classes,
    size,
    labels,
    unreadable,
    fingerprint: sha.digest('hex').slice(0, 16),
    async read(indices, into) {
      checkRead({ name, size, labels }, indices, into);
      const shared = into.buffer instanceof SharedArrayBuffer;
      const memory = shared ? (into.buffer as SharedArrayBuffer) : new SharedArrayBuffer(indices.length * bytes);
      const start = shared ? into.byteOffset : 0;
      const wanted: Wanted[] = [];
      for (const [i, index] of Array.from(indices).entries()) {
        const offset = start + i * bytes;
        const matrix = unreadable.has(index) ? undefined : matrixOf(index);
        if (matrix) wanted.push({ index, offset, matrix });
        else new Uint8Array(memory, offset, bytes).fill(0);
      }
      const tasks: Promise<void>[] = [];
      for (let i = 0; i < wanted.length; i += imagesPerTask) {
        tasks.push(align(wanted.slice(i, i + imagesPerTask), memory));
      }
      // All of them, so that nothing writes into the target any more once this is rejected.
      for (const one of await Promise.allSettled(tasks)) if (one.status === 'rejected') throw one.reason;
      if (!shared) into.set(new Uint8Array(memory));
    },
    async close() {
      await pool?.close();
    },
  };
}

type Found = { ok: true; size: number; mtimeMs: number } | { ok: false; reason: string };

/** Sizes and times of files in order, some of them asked for at once. */
async function* stated(count: number, fileOf: (index: number) => string): AsyncGenerator<[number, Found]> {
  const atOnce = 256;
  for (let from = 0; from < count; from += atOnce) {
    const part = Array.from({ length: Math.min(atOnce, count - from) }, (_, i) => from + i);
    const found = await Promise.all(part.map((index) => statOf(fileOf(index))));
    for (const [i, index] of part.entries()) yield [index, found[i] as Found];
  }
}

async function statOf(file: string): Promise<Found> {
  try {
    const { size, mtimeMs } = await stat(file);
    return { ok: true, size, mtimeMs };
  } catch (error) {
    const missing = Reflect.get(Object(error), 'code') === 'ENOENT';
    return { ok: false, reason: missing ? 'it is not there' : (error as Error).message };
  }
}

function unreadableError(
  name: string,
  names: readonly string[],
  folder: string,
  unreadable: ReadonlyMap<number, string>,
): UserError {
  const shown = [...unreadable].slice(0, 3).map(([index, reason]) => `${names[index]} (${reason})`);
  const more = unreadable.size > shown.length ? ` and ${unreadable.size - shown.length} more` : '';
  return new UserError(
    `${unreadable.size} of the ${names.length} images of ${name} cannot be used: ${shown.join(', ')}${more}; they belong in ${folder}`,
    1,
  );
}
