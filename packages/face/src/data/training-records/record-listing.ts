import type { LostBytes } from '@headshare/core/data/record-io/scan';
import { lowerBound } from '../../sorted-search';

/** The images of a `.rec` file. */
export interface RecordListing {
  /** The byte offset of each image's record. */
  readonly offsets: Float64Array;
  /** Bytes from there to the next known record. */
  readonly lengths: Uint32Array;
  /** The identity of each image, from 0. */
  readonly labels: Int32Array;
  /** The first byte ranges without a readable record, if the whole file was read, and the number of all of them. */
  readonly lost: readonly LostBytes[];
  readonly lostCount: number;
  /** Images of the file that the index does not name, if the whole file was read; they are not listed. */
  readonly unlisted: number;
}

// A record has at most 2^29 bytes; its parts with their heads take at most three times as many.
const mostBytes = 2 ** 31;

/** @param starts the offsets of all known records, in any order */
export function lengthsOf(offsets: Float64Array, starts: Float64Array, fileBytes: number): Uint32Array {
  const sorted = isAscending(starts) ? starts : Float64Array.from(starts).sort();
  const lengths = new Uint32Array(offsets.length);
  let row = -1;
  for (const [i, offset] of offsets.entries()) {
    // Images are mostly consecutive.
    row = sorted[row + 1] === offset ? row + 1 : lowerBound(sorted, offset);
    let next = row + 1;
    while (next < sorted.length && sorted[next] === offset) next++;
    lengths[i] = Math.min(mostBytes, (sorted[next] ?? fileBytes) - offset);
  }
  return lengths;
}

export function isAscending(values: Float64Array): boolean {
  for (let i = 1; i < values.length; i++) if (!((values[i - 1] as number) < (values[i] as number))) return false;
  return true;
}
