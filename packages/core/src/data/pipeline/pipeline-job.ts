import { type ImageSize, sides } from '../../system/image-size';
import { stream } from '../../system/random';
import { type AugmentationKey, imageBytes } from '../dataset';
import type { ImageLocation } from '../sources/image-source';
import { BoxOutside, type Choose, decodeInto } from './decode';
import { loadNativeImages } from './native';
import { isTemporary, readEncoded } from './read-encoded';
import { centreCrop, randomCrop, stretched, type TestTransform, type TrainTransform, transformed } from './transforms';

export interface PipelineSetup {
  /** The size that images get. */
  readonly size: ImageSize;
  readonly train: TrainTransform;
  readonly test: TestTransform;
  /** Rotates and mirrors pictures by their EXIF orientation; default false, like torchvision. */
  readonly applyOrientation?: boolean;
  /** False: sharp decodes JPEGs too, with the same result; default true. */
  readonly native?: boolean;
}

/** An image to write into `memory` at `offset`. */
interface PipelineImage {
  readonly location: ImageLocation;
  /** Selects the random numbers; a replacement has the index of the image that it replaces. */
  readonly index: number;
  readonly offset: number;
}

export interface PipelineTask {
  readonly images: readonly PipelineImage[];
  readonly memory: SharedArrayBuffer;
  /** Absent: as in evaluation. */
  readonly key?: AugmentationKey | undefined;
}

/** An image that could not be decoded. */
export interface Failure {
  /** Its position among the task's images. */
  readonly position: number;
  readonly reason: string;
  /** True: not the image's fault, or a fault of the data set that no other image may hide. */
  readonly isFatal?: boolean;
}

/** The job of the worker threads: reads, decodes and augments images. */
export function createJob(setup: PipelineSetup): (task: PipelineTask) => Promise<Failure[]> {
  const { size, train, test, applyOrientation = false } = setup;
  const native = setup.native === false ? undefined : loadNativeImages();
  const bytes = imageBytes({ size });

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
      target.set(transformed({ pixels: target.slice(), ...sides(size) }, train, random).pixels);
    }
  }

  return async (task) => {
    const failures: Failure[] = [];
    for (const [position, image] of task.images.entries()) {
      try {
        await make(image, task);
      } catch (error) {
        const isFatal = isTemporary(error) || error instanceof BoxOutside;
        const [reason = 'unknown'] = (error instanceof Error ? error.message : String(error)).split('\n');
        failures.push({ position, reason, ...(isFatal && { isFatal }) });
      }
    }
    return failures;
  };
}
