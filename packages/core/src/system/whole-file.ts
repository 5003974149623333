/** Writes files that appear under their names only when they are complete, and explains errors of writing. */
import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { makeFolder } from './make-folder.cjs';
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
  await onDisk((async () => makeFolder(dirname(path)))());
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

/**
 * `full`: there is no room. `unwritable`: the user may not write there. `misplaced`: the path does not lead to a file or
 * folder of the expected kind. `failing`: the disk or the system fails.
 */
export type DiskProblemKind = 'full' | 'unwritable' | 'misplaced' | 'failing';

export interface DiskProblem {
  readonly kind: DiskProblemKind;
  readonly code: string;
  /** The cause, to follow a colon. */
  readonly cause: string;
}

const problems: Readonly<Record<string, readonly [DiskProblemKind, string]>> = {
  ENOSPC: ['full', 'the disk is full'],
  EDQUOT: ['full', 'the disk quota is used up'],
  EFBIG: ['full', 'the file would exceed the limit of its size (ulimit -f)'],
  EROFS: ['unwritable', 'the file system is read-only'],
  EACCES: ['unwritable', 'no permission'],
  EPERM: ['unwritable', 'no permission'],
  // A recursive mkdir on a read-only disk fails with ENOENT in Node.
  ENOENT: ['misplaced', 'it does not exist'],
  ENOTDIR: ['misplaced', 'a part of its path is no folder'],
  EEXIST: ['misplaced', 'something else has its name'],
  EISDIR: ['misplaced', 'it is a folder'],
  ENOTEMPTY: ['misplaced', 'it is a folder with files in it'],
  ELOOP: ['misplaced', 'its links lead in a circle'],
  ENAMETOOLONG: ['misplaced', 'its name is too long'],
  EIO: ['failing', 'the disk cannot be read or written'],
  ESTALE: ['failing', 'the network disk has lost it'],
  EMFILE: ['failing', 'too many files are open (ulimit -n)'],
  ENFILE: ['failing', 'too many files are open'],
  EBUSY: ['failing', 'another program uses it'],
  ETXTBSY: ['failing', 'another program uses it'],
};

/** What is wrong with a file or a disk, from an error of the file system; undefined for other errors. */
export function diskProblem(error: unknown): DiskProblem | undefined {
  const code = errorCode(error) ?? '';
  const [kind, cause] = (Object.hasOwn(problems, code) && problems[code]) || [];
  return kind && cause ? { kind, code, cause } : undefined;
}

/** A UserError for a full disk or an unusable folder; other errors unchanged. */
export function diskError(
  error: unknown,
  sentences: { readonly full: string; readonly unusable: (code: string) => string },
): unknown {
  const problem = diskProblem(error);
  if (problem?.kind === 'full') return new UserError(sentences.full, 1);
  const isUnusable = problem?.kind === 'unwritable' || problem?.kind === 'misplaced';
  return isUnusable ? new UserError(sentences.unusable(problem.code), 1) : error;
}
