import type { FileHandle } from 'node:fs/promises';

/**
 * Fills `target` with a file's bytes from `position` on: one read may give fewer than it was asked for.
 * @returns how many bytes there were; fewer than `target` takes only where the file ends
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
