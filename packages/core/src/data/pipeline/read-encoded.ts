import { closeSync, openSync, readFileSync } from 'node:fs';
import { pathOf } from '../../system/file-name';
import { readIntoSync } from '../../system/read-into';
import { errorCode } from '../../system/whole-file';
import { readRecordImageSync } from '../record-io/record-image';
import type { ImageLocation } from '../sources/image-source';

/** Errors that are not the image's fault: if they replaced an image, results would depend on when it was read. */
const temporary = new Set(['EMFILE', 'ENFILE', 'ENOMEM', 'EIO', 'EACCES']);

export const isTemporary = (error: unknown): boolean => temporary.has(errorCode(error) ?? '');

/** Reads synchronously: this thread has nothing else to do, and promises would cost a third of a decoding. */
export function readEncoded({ file, offset, length, inRecord, bytes: given }: ImageLocation): Uint8Array {
  if (given) return given;
  if (offset === undefined || length === undefined) return readFileSync(pathOf(file));
  if (inRecord) return readRecordImageSync({ file, offset, length });
  const handle = openSync(pathOf(file), 'r');
  try {
    const bytes = new Uint8Array(length);
    const read = readIntoSync(handle, bytes, offset);
    if (read < length) throw new Error(`${file} ends at byte ${offset + read}`);
    return bytes;
  } finally {
    closeSync(handle);
  }
}
