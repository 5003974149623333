import { type FileHandle, open } from 'node:fs/promises';
import { readInto } from '@headshare/core/system/read-into';
import { UserError } from '@headshare/core/system/user-error';

/** A matrix of embeddings, a row an image, that is read piece by piece. */
export interface EmbeddingRows {
  readonly images: number;
  readonly dimension: number;
  /** Rows `from` to `from + count` - 1, [count, dimension]. */
  read(from: number, count: number): Promise<Float32Array>;
}

/** @throws RangeError for rows that do not exist */
export function checkRows(from: number, count: number, images: number): void {
  if (from < 0 || count < 0 || from + count > images) {
    throw new RangeError(`There are no rows ${from} to ${from + count - 1}, only ${images}`);
  }
}

/** Calls `use` with an open file and closes it. @throws UserError if the file cannot be opened */
export async function withFile<T>(file: string, use: (handle: FileHandle) => Promise<T>): Promise<T> {
  const handle = await open(file, 'r').catch((error: Error) => {
    throw new UserError(`${file} cannot be read: ${error.message}.`, 1);
  });
  try {
    return await use(handle);
  } finally {
    await handle.close();
  }
}

/** Fills `target` with the file's bytes from `offset` on. @throws UserError if the file is too short */
export async function readFully(handle: FileHandle, file: string, target: Uint8Array, offset: number): Promise<void> {
  const read = await readInto(handle, target, offset);
  if (read < target.length) throw new UserError(`${file} ends early, at byte ${offset + read}.`, 1);
}
