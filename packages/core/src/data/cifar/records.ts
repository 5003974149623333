import type { Refuse } from '../../weights/refusal';
import type { CifarKind } from './kinds';

export const cifarSize = 32;
/** Bytes of an image. */
export const pixelBytes = cifarSize * cifarSize * 3;

/** The images of a file. */
export interface CifarBatch {
  readonly count: number;
  /** The pixels of image i: 1024 bytes of red, then green, then blue, each row by row. */
  readonly pixels: (i: number) => Uint8Array;
  readonly fine: (i: number) => number;
  /** Only for files with superclasses. */
  readonly coarse: (i: number) => number;
}

/** Reads records of labels (the superclass first, if any) and 3072 pixels. @throws UserError that names the record */
export function binaryBatch(bytes: Uint8Array, kind: CifarKind, refuse: Refuse): CifarBatch {
  const { labelBytes } = kind;
  const recordBytes = labelBytes + pixelBytes;
  const count = Math.floor(bytes.length / recordBytes);
  if (bytes.length === 0) throw refuse('it is empty');
  if (bytes.length % recordBytes !== 0) {
    throw refuse(
      `it ends within record ${count}: its ${bytes.length} bytes are not a multiple of the ${recordBytes} of a record`,
    );
  }
  const at = (i: number) => i * recordBytes;
  return checked(
    {
      count,
      pixels: (i) => bytes.subarray(at(i) + labelBytes, at(i) + recordBytes),
      fine: (i) => bytes[at(i) + labelBytes - 1] as number,
      coarse: (i) => bytes[at(i)] as number,
    },
    kind,
    refuse,
  );
}

/** Returns the batch. @throws UserError for the first label without a class */
export function checked(batch: CifarBatch, kind: CifarKind, refuse: Refuse): CifarBatch {
  const ranges = [
    ['label', batch.fine, kind.classes],
    ['coarse label', batch.coarse, kind.coarseClasses],
  ] as const;
  for (const [name, label, classes] of ranges) {
    if (classes === undefined) continue;
    for (let i = 0; i < batch.count; i++) {
      const value = label(i);
      if (!(Number.isInteger(value) && value >= 0 && value < classes)) {
        throw refuse(`record ${i} has the ${name} ${value}, but ${kind.title} has labels 0 to ${classes - 1}`);
      }
    }
  }
  return batch;
}

/** Converts red, green and blue planes to interleaved pixels in `target` (3072 bytes). */
export function interleave(planes: Uint8Array, target: Uint8Array): void {
  const plane = cifarSize * cifarSize;
  for (let i = 0, to = 0; i < plane; i++, to += 3) {
    target[to] = planes[i] as number;
    target[to + 1] = planes[i + plane] as number;
    target[to + 2] = planes[i + 2 * plane] as number;
  }
}
