/** Writes files that appear under their names only when they are complete, and explains errors of writing. */
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { UserError } from './user-error';

/** Writes bytes at a position of the file. */
export type WriteAt = (bytes: Uint8Array, position: number) => Promise<void>;

/**
 * Lets `fill` write a temporary file, in any order, then syncs it and renames it to `path`; creates the folder.
 * @param explain turns an error of the disk into one for the user; errors of `fill` itself are thrown unchanged
 */
export async function writeWhole(
  { path, temporary }: { readonly path: string; readonly temporary: string },
  fill: (write: WriteAt) => Promise<void>,
  explain: (error: unknown) => unknown,
): Promise<void> {
  const onDisk = <T>(work: Promise<T>): Promise<T> => work.catch((error) => Promise.reject(explain(error)));
  await onDisk(mkdir(dirname(path), { recursive: true }));
  // A killed process may have left the file, and another may have it open: removes it instead of truncating it.
  await onDisk(rm(temporary, { force: true }));
  const handle = await onDisk(open(temporary, 'wx'));
  try {
    await fill(async (bytes, position) => {
      for (let done = 0; done < bytes.length; ) {
        done += (await onDisk(handle.write(bytes, done, bytes.length - done, position + done))).bytesWritten;
      }
    });
    await onDisk(handle.sync());
    await handle.close();
    await onDisk(rename(temporary, path));
  } catch (error) {
    await handle.close().catch(() => undefined);
    await rm(temporary, { force: true });
    throw error;
  }
}

/** The code of a file-system error, such as ENOENT. `instanceof` fails under jest: such errors are of another realm. */
export function errorCode(error: unknown): string | undefined {
  const code = Reflect.get(Object(error), 'code');
  return code === undefined ? undefined : String(code);
}

// A recursive mkdir on a read-only disk fails with ENOENT in Node.
const unwritable = new Set(['EROFS', 'ENOENT', 'EACCES', 'EPERM', 'ENOTDIR', 'EEXIST', 'EISDIR']);

/** A UserError for a full disk or an unusable folder; other errors unchanged. */
export function diskError(
  error: unknown,
  sentences: { readonly full: string; readonly unusable: (code: string) => string },
): unknown {
  const code = errorCode(error) ?? '';
  if (code === 'ENOSPC' || code === 'EDQUOT') return new UserError(sentences.full, 1);
  return unwritable.has(code) ? new UserError(sentences.unusable(code), 1) : error;
}
