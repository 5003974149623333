import { readFileSync } from 'node:fs';
import { decodePicture } from '@headshare/core/data/pipeline/decode';
import { loadNativeImages } from '@headshare/core/data/pipeline/native';
import { type ImageSize, sides } from '@headshare/core/system/image-size';
import type { Similarity } from 'headshare-student/alignment';
import { warp } from 'headshare-student/warp';

export interface AlignSetup {
  readonly size: ImageSize;
  /** False: sharp decodes JPEGs too, with the same result. */
  readonly native: boolean;
}

export interface AlignTask {
  /** Each face is written into `memory` at `offset`. */
  readonly images: readonly { readonly file: string; readonly matrix: Similarity; readonly offset: number }[];
  readonly memory: SharedArrayBuffer;
}

/** An image that could not be read, by its index in the task, and the reason; its crop is black. */
export interface AlignFailure {
  readonly index: number;
  readonly reason: string;
}

/** The worker's job: reads, decodes and aligns faces. */
export function createJob({
  size: wantedSize,
  native: wanted,
}: AlignSetup): (task: AlignTask) => Promise<AlignFailure[]> {
  const size = sides(wantedSize);
  const native = wanted ? loadNativeImages() : undefined;
  return async ({ images, memory }) => {
    const failures: AlignFailure[] = [];
    for (const [index, { file, matrix, offset }] of images.entries()) {
      const target = new Uint8Array(memory, offset, size.height * size.width * 3);
      try {
        // EXIF's orientation applies: the landmarks are of images read by OpenCV's imread, which applies it.
        warp(await decodePicture(readFileSync(file), { applyOrientation: true, native }), matrix, size, target);
      } catch (error) {
        target.fill(0);
        failures.push({ index, reason: error instanceof Error ? error.message : String(error) });
      }
    }
    return failures;
  };
}
