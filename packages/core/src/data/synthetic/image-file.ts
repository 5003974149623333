import { randomUUID } from 'node:crypto';
import { type FileHandle, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { readInto } from '../../system/read-into';
import { UserError } from '../../system/user-error';

/** A file of `count` images of size x size x 3 bytes after a header of 64 bytes. */
export interface ImageFileLayout {
  readonly path: string;
  readonly name: string;
  readonly fingerprint: string;
  readonly size: number;
  readonly count: number;
}

export interface ImageFile {
  /** As ImageDataset.read; indices must be valid. */
  read(indices: ArrayLike<number>, target: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

const headerBytes = 64;

function header({ fingerprint, size, count }: ImageFileLayout): Buffer {
  return Buffer.from(`headshare images 1 ${fingerprint} ${size} ${count}\n`.padEnd(headerBytes, ' '), 'latin1');
}

function fileBytes({ size, count }: ImageFileLayout): number {
  return headerBytes + count * size * size * 3;
}

/** Opens a file that is complete and holds these very images; undefined when it is absent, torn or another's. */
export async function openImageFile(layout: ImageFileLayout): Promise<ImageFile | undefined> {
  let handle: FileHandle;
  try {
    handle = await open(layout.path, 'r');
  } catch (error) {
    if (code(error) === 'ENOENT') return undefined;
    throw unusable(layout, 'read', error);
  }
  const found = Buffer.alloc(headerBytes);
  await handle.read(found, 0, headerBytes, 0);
  const { size } = await handle.stat();
  if (size === fileBytes(layout) && found.equals(header(layout))) return imageFile(handle, layout);
  await handle.close();
  return undefined;
}

/**
 * Makes the file and opens it. `fill` writes blocks of images in any order; under the final name the file only ever
 * appears complete and on disk.
 * Throws UserError when the folder is read-only or the disk full.
 */
export async function buildImageFile(
  layout: ImageFileLayout,
  fill: (write: (first: number, images: Uint8Array) => Promise<void>) => Promise<void>,
): Promise<ImageFile> {
  const bytes = layout.size * layout.size * 3;
  const temporary = `${layout.path}.${process.pid}-${randomUUID().slice(0, 8)}.tmp`;
  const onDisk = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw unusable(layout, 'write', error);
    }
  };
  await onDisk(() => mkdir(dirname(layout.path), { recursive: true }));
  await removeAbandoned(layout);
  const handle = await onDisk(() => open(temporary, 'wx'));
  try {
    await onDisk(() => writeAll(handle, header(layout), 0));
    await fill((first, images) => onDisk(() => writeAll(handle, images, headerBytes + first * bytes)));
    await onDisk(() => handle.sync());
    await handle.close();
    await onDisk(() => rename(temporary, layout.path));
  } catch (error) {
    await handle.close().catch(() => undefined);
    await rm(temporary, { force: true });
    throw error;
  }
  const file = await openImageFile(layout);
  if (file === undefined) throw new Error(`${layout.path} was changed by somebody else while it was being made`);
  return file;
}

function imageFile(handle: FileHandle, { path, size }: ImageFileLayout): ImageFile {
  const bytes = size * size * 3;
  return {
    read: async (indices, target) => {
      const reads: Promise<void>[] = [];
      for (let from = 0; from < indices.length; ) {
        const first = indices[from] as number;
        let count = 1;
        while (from + count < indices.length && indices[from + count] === first + count) count++;
        const part = target.subarray(from * bytes, (from + count) * bytes);
        reads.push(readAll(handle, part, headerBytes + first * bytes, path));
        from += count;
      }
      await Promise.all(reads);
    },
    close: () => handle.close(),
  };
}

async function readAll(handle: FileHandle, target: Uint8Array, position: number, path: string): Promise<void> {
  const read = await readInto(handle, target, position);
  if (read < target.length) {
    throw new UserError(`${path} ends at byte ${position + read}: delete it, it will be made again`, 1);
  }
}

async function writeAll(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}

/** Temporary files of processes that were killed would otherwise fill the disk for ever. */
async function removeAbandoned({ path }: ImageFileLayout): Promise<void> {
  const prefix = `${basename(path)}.`;
  for (const entry of await readdir(dirname(path))) {
    if (!entry.startsWith(prefix) || !entry.endsWith('.tmp')) continue;
    const pid = Number.parseInt(entry.slice(prefix.length), 10);
    if (!alive(pid)) await rm(join(dirname(path), entry), { force: true });
  }
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return code(error) === 'EPERM';
  }
}

function unusable(layout: ImageFileLayout, verb: 'read' | 'write', error: unknown): unknown {
  const folder = dirname(layout.path);
  const megabytes = Math.ceil(fileBytes(layout) / 1e6);
  switch (code(error)) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new UserError(`The disk of ${folder} is full: the images of ${layout.name} need ${megabytes} MB there`, 1);
    case 'EROFS':
    // So does Node answer a recursive mkdir on a read-only disk.
    case 'ENOENT':
    case 'EACCES':
    case 'EPERM':
    case 'ENOTDIR':
    case 'EEXIST':
    case 'EISDIR':
      return new UserError(
        `Cannot ${verb} the images of ${layout.name} in ${folder} (${code(error)}): give a cache folder that can be written`,
        1,
      );
    default:
      return error;
  }
}

/** Not by instanceof: under jest the file system's errors come from another realm. */
function code(error: unknown): string | undefined {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : undefined;
}
