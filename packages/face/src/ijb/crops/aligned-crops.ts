import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { checkRead, type ImageDataset, imageBytes } from '@headshare/core/data/dataset';
import { type WorkerPool, workerPool } from '@headshare/core/data/loading/pool';
import { loadNativeImages } from '@headshare/core/data/pipeline/native';
import { unreadableImages } from '@headshare/core/data/unreadable-images';
import { bytesOf } from '@headshare/core/system/bytes-of';
import { statStamp } from '@headshare/core/system/file-stamps';
import { type ImageSize, sides } from '@headshare/core/system/image-size';
import { UserError } from '@headshare/core/system/user-error';
import { referencePoints, similarity } from 'headshare-student/alignment';
import type { AlignFailure, AlignSetup, AlignTask } from './align-job';

export interface AlignedCropsOptions {
  readonly name: string;
  /** The images' folder, and their names in it. */
  readonly folder: string;
  readonly names: readonly string[];
  /** [images, 5, 2], in pixels: left eye, right eye, nose, left and right mouth corner. */
  readonly landmarks: Float64Array;
  /** The file that has the landmarks, a line for each image; for errors. */
  readonly landmarksFile?: string;
  /** The size of the crops; default 112. */
  readonly size?: ImageSize;
  /**
   * For an image that is missing or damaged, or whose points cannot be aligned: opening or reading fails (default), as
   * in insightface's script, or its crop is black.
   */
  readonly onUnreadable?: 'fail' | 'black';
  /** Default: one per core. */
  readonly threads?: number;
  /** False: sharp decodes JPEGs too, with the same result; default true. */
  readonly native?: boolean;
}

export interface AlignedCrops extends ImageDataset {
  /** Why an image's crop is black, by index; damaged files are known only once they are read. */
  readonly unreadable: ReadonlyMap<number, string>;
}

const imagesPerTask = 8;

/** Part of the fingerprint: changes with the bytes of crops, so that stored embeddings of earlier crops are not used. */
const cropping = 'OpenCV 4, float64';

/**
 * Faces cut out of loose crops by their landmarks, as insightface prepares them for its networks, to the bytes that
 * OpenCV 4 gives. Worker threads read, decode and align. EXIF's orientation is applied, as in OpenCV's imread.
 * @throws UserError that names images that are missing, or the lines of points that cannot be aligned
 */
export async function alignedCrops(options: AlignedCropsOptions): Promise<AlignedCrops> {
  const { name, folder, names, landmarks, landmarksFile, size = 112, onUnreadable = 'fail' } = options;
  const { threads = availableParallelism(), native = true } = options;
  const labels = new Int32Array(names.length);
  if (landmarks.length !== names.length * 10) {
    throw new RangeError(`${name}: ${names.length} images, but ${landmarks.length} coordinates of landmarks`);
  }
  const fileOf = (index: number) => join(folder, names[index] as string);
  const source = { name, labels, locate: (index: number) => ({ file: fileOf(index) }) };
  const evaluated = { use: 'verification', indices: 'all' } as const;
  const unreadable = unreadableImages(source, { evaluated, unreadable: 'skip' });
  const reasons = () => new Map(unreadable.list().map(({ index, reason }) => [index, reason]));
  const target = referencePoints(sides(size));
  const matrixOf = (index: number) => similarity(landmarks.subarray(index * 10, index * 10 + 10), target);

  const sha = createHash('sha256').update(JSON.stringify([name, size, labels.length, cropping]));
  sha.update(bytesOf(landmarks));
  sha.update(new Uint8Array(labels.buffer));
  for await (const [index, { state, problem }] of fileStates(names.length, fileOf)) {
    sha.update(`${names[index]}\0${state}\0`);
    if (problem !== undefined) unreadable.add(index, problem);
    else if (!matrixOf(index)) {
      unreadable.add(
        index,
        `line ${index + 1} of ${landmarksFile ?? 'its landmarks'} has points that cannot be aligned`,
      );
    }
  }
  if (onUnreadable === 'fail' && unreadable.list().length > 0) throw unreadableError(options, reasons());

  const bytes = imageBytes({ size });
  let pool: WorkerPool<AlignTask, AlignFailure[]> | undefined;

  function startPool() {
    if (native) loadNativeImages();
    const setup: AlignSetup = { size, native };
    return workerPool<AlignSetup, AlignTask, AlignFailure[]>({
      module: join(__dirname, 'align-job.ts'),
      setup,
      threads,
    });
  }

  type Job = AlignTask['images'][number] & { readonly image: number };

  async function align(jobs: readonly Job[], memory: SharedArrayBuffer): Promise<void> {
    pool ??= startPool();
    for (const { index, reason } of await pool.run({ images: jobs, memory })) {
      const { image, file } = jobs[index] as Job;
      unreadable.add(image, reason);
      if (onUnreadable === 'fail')
        throw new UserError(`Image ${image} of ${name}, ${file}, cannot be read: ${reason}`, 1);
    }
  }

  return {
    name,
    classes: 1,
    size,
    labels,
    get unreadable() {
      return reasons();
    },
    unreadableImages: unreadable,
    isLeftOut: unreadable.has,
    fingerprint: sha.digest('hex').slice(0, 16),
    async read(indices, into) {
      checkRead({ name, size, labels }, indices, into);
      const shared = into.buffer instanceof SharedArrayBuffer;
      const memory = shared ? (into.buffer as SharedArrayBuffer) : new SharedArrayBuffer(indices.length * bytes);
      const start = shared ? into.byteOffset : 0;
      const jobs: Job[] = [];
      for (const [i, image] of Array.from(indices).entries()) {
        const offset = start + i * bytes;
        const matrix = unreadable.has(image) ? undefined : matrixOf(image);
        if (matrix) jobs.push({ image, file: fileOf(image), offset, matrix });
        else new Uint8Array(memory, offset, bytes).fill(0);
      }
      const tasks: Promise<void>[] = [];
      for (let i = 0; i < jobs.length; i += imagesPerTask) tasks.push(align(jobs.slice(i, i + imagesPerTask), memory));
      // Waits for all tasks, so that none writes into the target after a failure.
      for (const one of await Promise.allSettled(tasks)) if (one.status === 'rejected') throw one.reason;
      if (!shared) into.set(new Uint8Array(memory));
    },
    async close() {
      await pool?.close();
    },
  };
}

/** The stamp of a file for the fingerprint, or the reason why it cannot be read. */
interface FileState {
  readonly state: string;
  readonly problem?: string;
}

/** The states of files in order, requested in batches. */
async function* fileStates(count: number, fileOf: (index: number) => string): AsyncGenerator<[number, FileState]> {
  const atOnce = 256;
  for (let from = 0; from < count; from += atOnce) {
    const indices = Array.from({ length: Math.min(atOnce, count - from) }, (_, i) => from + i);
    const states = await Promise.all(indices.map((index) => fileState(fileOf(index))));
    for (const [i, state] of states.entries()) yield [from + i, state];
  }
}

async function fileState(file: string): Promise<FileState> {
  try {
    const found = await stat(file);
    // A pipe named as a picture would be waited for.
    return found.isFile() ? { state: statStamp(found) } : { state: '', problem: 'it is no file' };
  } catch (error) {
    const missing = Reflect.get(Object(error), 'code') === 'ENOENT';
    return { state: '', problem: missing ? 'it is missing' : (error as Error).message };
  }
}

function unreadableError(
  { name, names, folder }: AlignedCropsOptions,
  unreadable: ReadonlyMap<number, string>,
): UserError {
  const shown = [...unreadable].slice(0, 3).map(([index, reason]) => `${names[index]} (${reason})`);
  const more = unreadable.size > shown.length ? ` and ${unreadable.size - shown.length} more` : '';
  const place = [...unreadable.values()].every((reason) => reason.startsWith('line '))
    ? ''
    : `; they belong in ${folder}`;
  return new UserError(
    `${unreadable.size} of the ${names.length} images of ${name} cannot be used: ${shown.join(', ')}${more}${place}`,
    1,
  );
}
