import type { Refuse } from '../../weights/refusal';
import type { CifarKind } from './kinds';

export const cifarSize = 32;
/** Bytes of an image. */
export const pixelBytes = cifarSize * cifarSize * 3;

/** What a file of a data set holds. */
export interface CifarBatch {
  readonly count: number;
  /** Where the pixels of image i begin: 1024 of red, then green, then blue, each row by row. */
  readonly pixels: (i: number) => Uint8Array;
  readonly fine: (i: number) => number;
  /** Throws where the file has no superclasses. */
  readonly coarse: (i: number) => number;
}

/** Records of labels (superclass first, where there is one) and 3072 pixels. @throws UserError naming the record at fault */
export function binaryBatch(bytes: Uint8Array, kind: CifarKind, refuse: Refuse): CifarBatch {
  const { labelBytes } = kind;
  const recordBytes = labelBytes + pixelBytes;
  const count = Math.floor(bytes.length / recordBytes);
  if (bytes.length === 0) throw refuse('it is empty');
  if (bytes.length % recordBytes !== 0) {
    throw refuse(
      `it ends within record ${count}: its ${bytes.length} bytes are no multiple of the ${recordBytes} of a record`,
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

/** The batch itself. @throws UserError for the first label that there is no class of */
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
        throw refuse(`record ${i} has the ${name} ${value}, and ${kind.title} has those from 0 to ${classes - 1}`);
      }
    }
  }
  return batch;
}

/** Red, green and blue planes -> pixels side by side, `target` of 3072 bytes. */
export function interleave(planes: Uint8Array, target: Uint8Array): void {
  const plane = cifarSize * cifarSize;
  for (let i = 0, to = 0; i < plane; i++, to += 3) {
    target[to] = planes[i] as number;
    target[to + 1] = planes[i + plane] as number;
    target[to + 2] = planes[i + 2 * plane] as number;
  }
}
