import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { type RandomStream, stream } from '../../system/random';
import { colorJitter } from '../augment/color-jitter';
import { erase } from '../augment/erasing';
import type { Image } from '../augment/image';
import { randAugment } from '../augment/rand-augment';
import type { AugmentationKey } from '../dataset';
import { readRecordImageSync } from '../record-io/record-image';
import type { ImageLocation } from '../sources/image-source';
import { centreCrop, randomCrop, stretched } from './crop';
import { type Choose, decodeInto } from './decode';
import { loadNativeImages } from './native';
import type { TestTransform, TrainTransform } from './transforms';

export interface PipelineSetup {
  readonly size: number;
  readonly train: TrainTransform;
  readonly test: TestTransform;
  readonly applyOrientation: boolean;
  /** False: sharp decodes everything, with the same result. */
  readonly native: boolean;
}

/** One image into `memory` at `offset`. */
export interface PipelineImage {
  readonly location: ImageLocation;
  /** Chooses the random numbers; that of a stand-in is that of the image it stands for. */
  readonly index: number;
  readonly offset: number;
}

export interface PipelineTask {
  readonly images: readonly PipelineImage[];
  readonly memory: SharedArrayBuffer;
  /** Absent: as in evaluation. */
  readonly key?: AugmentationKey | undefined;
}

/** An image of a task that could not be decoded, by its place in the task, and why. */
export interface Failure {
  readonly place: number;
  readonly reason: string;
}

/** The pool's job: reads, decodes and augments. */
export function createJob(setup: PipelineSetup): (task: PipelineTask) => Promise<Failure[]> {
  const { size, train, test, applyOrientation } = setup;
  const native = setup.native ? loadNativeImages() : undefined;
  const bytes = size * size * 3;

  async function make({ location, index, offset }: PipelineImage, { memory, key }: PipelineTask): Promise<void> {
    const encoded = readEncoded(location);
    const random = key && stream(key.seed, 'augment', key.epoch, index);
    const choose: Choose = random
      ? (width, height) => {
          const box = randomCrop(width, height, train.crop ?? {}, random);
          const mirrored = random.chance(0.5) && train.flip !== false;
          return { sampling: stretched(box, size), mirrored };
        }
      : (width, height) => ({ sampling: centreCrop(width, height, test.resize, size), mirrored: false });
    const target = new Uint8Array(memory, offset, bytes);
    await decodeInto(encoded, choose, { size, box: location.box, applyOrientation, native }, target);
    if (random && (train.randAugment || train.colorJitter || train.erasing)) {
      target.set(augmented({ pixels: target.slice(), width: size, height: size }, train, random).pixels);
    }
  }

  return async (task) => {
    const failures: Failure[] = [];
    for (const [place, image] of task.images.entries()) {
      try {
        await make(image, task);
      } catch (error) {
        if (isPassing(error)) throw error;
        failures.push({ place, reason: error instanceof Error ? error.message : String(error) });
      }
    }
    return failures;
  };
}

/** Not the image's fault: skipping it would make the result depend on when it was read. */
function isPassing(error: unknown): boolean {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return code === 'EMFILE' || code === 'ENFILE' || code === 'ENOMEM' || code === 'EIO' || code === 'EACCES';
}

function augmented(image: Image, train: TrainTransform, random: RandomStream): Image {
  let seen = image;
  if (train.randAugment) seen = randAugment(seen, train.randAugment, random);
  if (train.colorJitter) seen = colorJitter(seen, train.colorJitter, random);
  if (train.erasing) seen = erase(seen, train.erasing, random);
  return seen;
}

/** Waits for the disk on this very thread, which has nothing else to do: promises would cost a third of a decoding. */
function readEncoded({ file, offset, length, inRecord, bytes: given }: ImageLocation): Uint8Array {
  if (given) return given;
  if (offset === undefined || length === undefined) return readFileSync(file);
  if (inRecord) return readRecordImageSync({ file, offset, length });
  const handle = openSync(file, 'r');
  try {
    const bytes = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const count = readSync(handle, bytes, done, length - done, offset + done);
      if (count === 0) throw new Error(`${file} ends at byte ${offset + done}`);
      done += count;
    }
    return bytes;
  } finally {
    closeSync(handle);
  }
}
