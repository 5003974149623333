import { readFileSync } from 'node:fs';
import { decodePicture } from '@headshare/core/data/pipeline/decode-picture';
import { loadNativeImages } from '@headshare/core/data/pipeline/native';
import type { Similarity } from './alignment';
import { warp } from './warp';

export interface AlignSetup {
  /** Crops are size x size. */
  readonly size: number;
  /** False: sharp decodes JPEGs too, with the same result. */
  readonly native: boolean;
}

/** One face into `memory` at `offset`. */
export interface AlignImage {
  readonly file: string;
  readonly matrix: Similarity;
  readonly offset: number;
}

export interface AlignTask {
  readonly images: readonly AlignImage[];
  readonly memory: SharedArrayBuffer;
}

/** An image of a task that could not be read, by its place in the task, and why; its crop is black. */
export interface AlignFailure {
  readonly place: number;
  readonly reason: string;
}

/** The pool's job: reads, decodes and aligns. */
export function createJob({ size, native: wanted }: AlignSetup): (task: AlignTask) => Promise<AlignFailure[]> {
  const native = wanted ? loadNativeImages() : undefined;
  return async ({ images, memory }) => {
    const failures: AlignFailure[] = [];
    for (const [place, { file, matrix, offset }] of images.entries()) {
      const target = new Uint8Array(memory, offset, size * size * 3);
      try {
        // Turned as EXIF says: points were found in pictures that OpenCV's imread read, and it does so.
        warp(await decodePicture(readFileSync(file), { applyOrientation: true, native }), matrix, size, target);
      } catch (error) {
        target.fill(0);
        failures.push({ place, reason: error instanceof Error ? error.message : String(error) });
      }
    }
    return failures;
  };
}
