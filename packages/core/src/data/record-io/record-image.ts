import { closeSync, openSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { readInto, readIntoSync } from '../../system/read-into';
import { DamagedRecord, unframe } from './frame';
import { imageOf } from './image-header';

interface RecordLocation {
  readonly file: string;
  readonly offset: number;
  /** Bytes from `offset` to the next record; more if that is unknown. */
  readonly length: number;
}

// Most records are far shorter: where the length is unknown, a read wastes no more than this.
const firstRead = 1 << 16;

/**
 * Reads the encoded image of a record synchronously.
 * @throws DamagedRecord that names file and byte, for a record that is damaged or has no image
 */
export function readRecordImageSync(location: RecordLocation): Buffer {
  const handle = openSync(location.file, 'r');
  try {
    for (const count of readsOf(location)) {
      const bytes = Buffer.allocUnsafe(count);
      const image = imageIn(bytes.subarray(0, readIntoSync(handle, bytes, location.offset)), location);
      if (image) return image;
    }
    throw damaged(location, `it does not end within ${location.length} bytes`);
  } finally {
    closeSync(handle);
  }
}

/** As `readRecordImageSync`, asynchronously. */
export async function readRecordImage(location: RecordLocation): Promise<Buffer> {
  const handle = await open(location.file, 'r');
  try {
    for (const count of readsOf(location)) {
      const bytes = Buffer.allocUnsafe(count);
      const image = imageIn(bytes.subarray(0, await readInto(handle, bytes, location.offset)), location);
      if (image) return image;
    }
    throw damaged(location, `it does not end within ${location.length} bytes`);
  } finally {
    await handle.close();
  }
}

function readsOf({ length }: RecordLocation): number[] {
  return length <= firstRead ? [length] : [firstRead, length];
}

function imageIn(bytes: Buffer, location: RecordLocation): Buffer | undefined {
  try {
    const record = unframe(bytes);
    return record && imageOf(record);
  } catch (error) {
    throw error instanceof DamagedRecord ? damaged(location, error.message) : error;
  }
}

const damaged = ({ file, offset }: RecordLocation, why: string) =>
  new DamagedRecord(`The record at byte ${offset} of ${file} cannot be read: ${why}`);
