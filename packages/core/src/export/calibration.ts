/** The pictures of `--calibrate`. */
import { join } from 'node:path';
import { decodePicture } from '../data/pipeline/decode';
import { loadNativeImages, type NativeImages } from '../data/pipeline/native';
import { sizeOf } from '../data/pipeline/stored-picture';
import { readImage } from '../data/sources/image-source';
import { imageEndings, listTree } from '../data/sources/tree-listing';
import type { Calibration } from '../delivery/export-network';
import { isFolder, notAFolder } from '../system/archive';
import { shownName } from '../system/file-name';
import type { Sides } from '../system/image-size';
import { sentenceOf } from '../system/sentence-of';
import { UserError } from '../system/user-error';
import type { Task } from '../train/evaluation/task';
import { bytesOf, spread } from './pictures';

/** The value of `--calibrate` that stands for the run's own training pictures. */
export const ofRun = 'run';

export interface CalibrationRequest {
  /** A folder of pictures, or `run`. */
  readonly from: string;
  /** The most pictures. */
  readonly most: number;
}

/** @throws UserError for a word that is neither `run` nor a folder */
export function checkCalibration({ from }: CalibrationRequest): void {
  if (from !== ofRun && !isFolder(from)) throw notAFolder(from, '--calibrate');
}

/**
 * @param task the data of the network's run, or why there is none
 * @param size the network's input
 * @throws UserError without pictures, and for one of another size or that cannot be read
 */
export async function calibrationOf(
  { from, most }: CalibrationRequest,
  task: Task | string,
  size: Sides,
): Promise<Calibration> {
  if (from !== ofRun) return await picturesIn(from, most, size);
  if (typeof task === 'string') throw new UserError(`--calibrate=run: ${task}; give a folder of pictures`);
  const { train } = task;
  const indices = spread(train.labels.length, most);
  return {
    title: `${indices.length} pictures of ${train.name}`,
    count: indices.length,
    async *batches(atOnce) {
      for (let i = 0; i < indices.length; i += atOnce) yield await bytesOf(train, indices.subarray(i, i + atOnce));
    },
  };
}

async function picturesIn(folder: string, most: number, size: Sides): Promise<Calibration> {
  const tree = await listTree(folder);
  const all = [...tree].flatMap(([path, { images }]) => images.map((name) => join(folder, path, name)));
  if (all.length === 0) {
    throw new UserError(`--calibrate=${folder} holds no pictures (${imageEndings.join(', ')})`);
  }
  const files = Array.from(spread(all.length, most), (index) => all[index] as string);
  // By their headers, before the work begins.
  for (const file of files) requireSize(await read(file, () => sizeOf(file)), size, file);
  const native = loadNativeImages();
  return {
    title: `${files.length} pictures of ${shownName(folder)}`,
    count: files.length,
    async *batches(atOnce) {
      for (let i = 0; i < files.length; i += atOnce) {
        yield Buffer.concat(await Promise.all(files.slice(i, i + atOnce).map((file) => pixelsOf(file, size, native))));
      }
    },
  };
}

/** [height, width, 3] */
async function pixelsOf(file: string, size: Sides, native: NativeImages | undefined): Promise<Uint8Array> {
  const bytes = await readImage({ file });
  const picture = await read(file, () => decodePicture(bytes, { applyOrientation: false, native }));
  requireSize(picture, size, file);
  return picture.pixels;
}

async function read<T>(file: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new UserError(`--calibrate: ${shownName(file)} cannot be read: ${sentenceOf(error)}.`, 1);
  }
}

function requireSize(found: Sides, wanted: Sides, file: string): void {
  if (found.height === wanted.height && found.width === wanted.width) return;
  const [is, needed] = [found, wanted].map(({ height, width }) => `${height} pixels high and ${width} wide`);
  throw new UserError(
    `--calibrate: ${shownName(file)} is ${is}, and the network takes pictures ${needed}: give pictures of that size, cropped as for training.`,
    1,
  );
}
