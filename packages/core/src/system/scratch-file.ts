import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { readIntoSync } from './read-into';
import { writingError } from './write-atomically';

/** A temporary file. Its name is removed as soon as it is open, so that even a killed process leaves nothing behind. */
export interface ScratchFile {
  /** @returns the position of the bytes' start @throws UserError when the disk is full */
  append(bytes: Uint8Array): number;
  /** Fills `target` with bytes that were appended. */
  read(target: Uint8Array, position: number): void;
  close(): void;
}

/** @throws UserError when the folder cannot be written to */
export function openScratchFile(folder: string): ScratchFile {
  const file = join(folder, `scratch-${process.pid}.partial`);
  const attempt = <T>(work: () => T): T => {
    try {
      return work();
    } catch (error) {
      throw writingError(error, file);
    }
  };
  const descriptor = attempt(() => openSync(file, 'w+'));
  rmSync(file, { force: true });
  let end = 0;
  return {
    append(bytes) {
      const start = end;
      for (let done = 0; done < bytes.length; ) {
        done += attempt(() => writeSync(descriptor, bytes, done, bytes.length - done, start + done));
      }
      end += bytes.length;
      return start;
    },
    read(target, position) {
      if (readIntoSync(descriptor, target, position) < target.length) throw new Error(`${file} ends too early.`);
    },
    close: () => closeSync(descriptor),
  };
}
