import { readSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';

/**
 * Fills `target` with a file's bytes from `position` on, with as many reads as necessary.
 * @returns the number of bytes; fewer than `target` holds only at the end of the file
 */
export async function readInto(handle: FileHandle, target: Uint8Array, position: number): Promise<number> {
  let done = 0;
  while (done < target.length) {
    const { bytesRead } = await handle.read(target, done, target.length - done, position + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return done;
}

/** The synchronous form of `readInto`, for fewer than 2^31 bytes. */
export function readIntoSync(descriptor: number, target: Uint8Array, position: number): number {
  let done = 0;
  while (done < target.length) {
    const bytesRead = readSync(descriptor, target, done, target.length - done, position + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return done;
}
