import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync, statfsSync, writevSync } from 'node:fs';
import { dirname } from 'node:path';
import { UserError } from './user-error';
import { diskProblem } from './whole-file';

/** Content that is made while it is written. */
export interface MadeContent {
  /** The number of bytes. */
  readonly size: number;
  parts(): Iterable<Uint8Array>;
}

/**
 * Replaces `file` by the concatenated parts, texts in UTF-8. A crash or a full disk leaves the previous file: the new
 * one is written beside it, synced and renamed.
 * @throws UserError if the disk is full or read-only, or the folder does not exist
 */
export function writeAtomically(file: string, content: readonly (Uint8Array | string)[] | MadeContent): void {
  const { size, parts } = 'parts' in content ? content : ofParts(content);
  const temporary = `${file}.partial`;
  let descriptor: number | undefined;
  try {
    descriptor = openSync(temporary, 'w');
    requireRoom(file, size);
    for (const part of parts()) {
      let written = 0;
      while (written < part.byteLength) written += writevSync(descriptor, [part.subarray(written)]);
    }
    fsyncSync(descriptor);
    closeSync(descriptor);
    descriptor = undefined;
    renameSync(temporary, file);
  } catch (error) {
    if (descriptor !== undefined) closeSync(descriptor);
    try {
      rmSync(temporary, { force: true });
    } catch {
      // The folder is not writable; the first error reports that.
    }
    throw writingError(error, file);
  }
}

function ofParts(content: readonly (Uint8Array | string)[]): MadeContent {
  const parts = content.map((part) => (typeof part === 'string' ? Buffer.from(part) : part));
  return { size: parts.reduce((sum, part) => sum + part.byteLength, 0), parts: () => parts };
}

/** Throws ENOSPC before the write starts, because a large write takes minutes. */
function requireRoom(file: string, bytes: number): void {
  const { bavail, bsize, blocks } = statfsSync(dirname(file));
  // Some network file systems report no size.
  if (blocks > 0 && bavail * bsize < bytes) throw Object.assign(new Error('no room'), { code: 'ENOSPC' });
}

/** A UserError where the disk keeps `file` from being written; other errors unchanged. */
export function writingError(error: unknown, file: string): unknown {
  const problem = diskProblem(error);
  const unchanged = existsSync(file) ? '; the previous file is unchanged' : '';
  if (problem === undefined) return error;
  const { kind, code, cause } = problem;
  if (code === 'ENOSPC') return new UserError(`The disk is full: ${file} could not be written${unchanged}.`, 1);
  if (kind === 'unwritable') {
    return new UserError(`${dirname(file)} cannot be written to (${code}): ${file} was not saved${unchanged}.`, 1);
  }
  if (code === 'ENOENT' && !existsSync(dirname(file))) {
    return new UserError(`The folder ${dirname(file)} does not exist: ${file} was not saved.`, 1);
  }
  // File systems without new files, such as /proc, say so too.
  if (code === 'ENOENT') return new UserError(`${dirname(file)} takes no new files: ${file} was not saved.`, 1);
  return new UserError(`${file} was not saved: ${cause} (${code})${unchanged}.`, 1);
}
