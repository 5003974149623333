/** Which records of a `.rec` are images, of whom, and where. */
import type { LostBytes } from '@headshare/core/data/record-io/scan';

export interface RecordListing {
  /** Where each image's record begins. */
  readonly offsets: Float64Array;
  /** Bytes from there to the next record that is known of. */
  readonly rooms: Uint32Array;
  /** The identity of each, from 0. */
  readonly labels: Int32Array;
  /** Bytes that hold no record that can be read, where the whole file was read; the first few, and how many in all. */
  readonly lost: readonly LostBytes[];
  readonly lostCount: number;
}

/** Of a file whose damage is listed. */
export const mostLost = 100;

// A record has at most 2^29 bytes, and parts with their heads take no more than thrice that.
const mostRoom = 2 ** 31;

/** @param starts where all records begin that are known of, in any order. */
export function roomsOf(offsets: Float64Array, starts: Float64Array, fileBytes: number): Uint32Array {
  const sorted = isAscending(starts) ? starts : Float64Array.from(starts).sort();
  const rooms = new Uint32Array(offsets.length);
  let place = -1;
  for (const [i, offset] of offsets.entries()) {
    // Images mostly stand one behind another.
    place = sorted[place + 1] === offset ? place + 1 : placeOf(sorted, offset);
    let next = place + 1;
    while (next < sorted.length && sorted[next] === offset) next++;
    rooms[i] = Math.min(mostRoom, (sorted[next] ?? fileBytes) - offset);
  }
  return rooms;
}

export function isAscending(values: Float64Array): boolean {
  for (let i = 1; i < values.length; i++) if (!((values[i - 1] as number) < (values[i] as number))) return false;
  return true;
}

/** The place of a value in a sorted list, where it is in it, else of the next larger one or the last. */
export function placeOf(sorted: Float64Array, value: number): number {
  let [low, high] = [0, sorted.length - 1];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] as number) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
