import { join } from 'node:path';
import { type WorkerPool, workerPool } from '../loading/pool';
import { type ImageLocation, type ImageSource, placeOf } from '../sources/image-source';
import { type CheckSetup, createJob, type Finding } from './check-job';
import { loadNativeImages } from './native';

/** A picture of a source with something wrong. */
export interface CheckedPicture extends Omit<Finding, 'position'> {
  readonly index: number;
  /** Its file, and where in it. */
  readonly place: string;
}

const perTask = 32;
/** Starting threads takes longer than checking this many pictures. */
const fewPictures = 256;

/**
 * Checks pictures with the decoder of training and evaluation, in worker threads.
 * @returns those with something wrong, in the order of `indices`
 */
export async function checkPictures(
  source: ImageSource,
  indices: readonly number[],
  setup: CheckSetup,
  onProgress?: (done: number, total: number) => void,
): Promise<CheckedPicture[]> {
  loadNativeImages();
  const isFew = indices.length <= fewPictures;
  const pool = isFew
    ? hereAndNow(setup)
    : workerPool<CheckSetup, readonly ImageLocation[], Finding[]>({
        module: join(__dirname, 'check-job.ts'),
        setup,
      });
  let done = 0;
  const check = async (from: number): Promise<CheckedPicture[]> => {
    const part = indices.slice(from, from + perTask);
    const locations = part.map((index) => source.locate(index));
    const findings = await pool.run(locations);
    done += part.length;
    onProgress?.(done, indices.length);
    return findings.map(({ position, ...finding }) => {
      return { index: part[position] as number, place: placeOf(locations[position] as ImageLocation), ...finding };
    });
  };
  try {
    const found: CheckedPicture[] = [];
    // Enough tasks for all threads, and few enough that their places fit into memory.
    const atOnce = perTask * 4 * pool.threads;
    for (let from = 0; from < indices.length; from += atOnce) {
      const starts = Array.from(
        { length: Math.ceil(Math.min(atOnce, indices.length - from) / perTask) },
        (_, i) => from + i * perTask,
      );
      for (const part of await Promise.all(starts.map(check))) found.push(...part);
    }
    return found;
  } finally {
    await pool.close();
  }
}

/** The job on the calling thread. */
function hereAndNow(
  setup: CheckSetup,
): Pick<WorkerPool<readonly ImageLocation[], Finding[]>, 'threads' | 'run' | 'close'> {
  return { threads: 1, run: createJob(setup), close: async () => undefined };
}
