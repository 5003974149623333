import { closeSync, openSync, readSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { readInto } from '../../system/read-into';
import { DamagedRecord, unframe } from './frame';
import { imageOf } from './image-header';

/** Where a record begins, and before which byte it must end. */
export interface RecordPlace {
  readonly file: string;
  readonly offset: number;
  /** Bytes from `offset` to the next record, or more where that is not known. */
  readonly length: number;
}

// Most records are far shorter; where it is not known where they end, no more than this is read in vain.
const firstRead = 1 << 16;

/**
 * The encoded image of a record, waiting for the disk on this thread.
 * @throws Error that names file and byte for a record that is damaged or holds no image
 */
export function readRecordImageSync(place: RecordPlace): Buffer {
  const handle = openSync(place.file, 'r');
  try {
    for (const count of readsOf(place)) {
      const bytes = Buffer.allocUnsafe(count);
      let done = 0;
      for (let read = -1; done < count && read !== 0; done += read) {
        read = readSync(handle, bytes, done, count - done, place.offset + done);
      }
      const image = imageIn(bytes.subarray(0, done), place);
      if (image) return image;
    }
    throw new DamagedRecord(cutOff(place));
  } finally {
    closeSync(handle);
  }
}

/** As `readRecordImageSync`, without keeping the thread. */
export async function readRecordImage(place: RecordPlace): Promise<Buffer> {
  const handle = await open(place.file, 'r');
  try {
    for (const count of readsOf(place)) {
      const image = imageIn(await readAt(handle, place.offset, count), place);
      if (image) return image;
    }
    throw new DamagedRecord(cutOff(place));
  } finally {
    await handle.close();
  }
}

async function readAt(handle: FileHandle, offset: number, count: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(count);
  return bytes.subarray(0, await readInto(handle, bytes, offset));
}

function readsOf({ length }: RecordPlace): number[] {
  return length <= firstRead ? [length] : [firstRead, length];
}

function imageIn(bytes: Buffer, place: RecordPlace): Buffer | undefined {
  try {
    const record = unframe(bytes);
    return record && imageOf(record);
  } catch (error) {
    if (error instanceof DamagedRecord) throw new DamagedRecord(`${named(place)} cannot be read: ${error.message}`);
    throw error;
  }
}

const named = ({ file, offset }: RecordPlace) => `The record at byte ${offset} of ${file}`;

const cutOff = (place: RecordPlace) =>
  `${named(place)} cannot be read: it does not end within the ${place.length} bytes before the next`;
