import { randomUUID } from 'node:crypto';
import { type FileHandle, open, readdir, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { ImageSize } from '../../system/image-size';
import { isAlive } from '../../system/lock';
import { readInto } from '../../system/read-into';
import { UserError } from '../../system/user-error';
import { diskError, errorCode, writeWhole } from '../../system/whole-file';
import { imageBytes } from '../dataset';

/** A file of `count` images of height x width x 3 bytes after a header of 64 bytes. */
export interface ImageFileLayout {
  readonly path: string;
  readonly name: string;
  readonly fingerprint: string;
  readonly size: ImageSize;
  readonly count: number;
}

export type ImageFile = ReturnType<typeof imageFile>;

const headerBytes = 64;

function header({ fingerprint, size, count }: ImageFileLayout): Buffer {
  return Buffer.from(`headshare images 1 ${fingerprint} ${size} ${count}\n`.padEnd(headerBytes, ' '), 'latin1');
}

const fileBytes = (layout: ImageFileLayout): number => headerBytes + layout.count * imageBytes(layout);

/** Opens the file if it is complete and holds the images of this layout; else undefined. */
export async function openImageFile(layout: ImageFileLayout): Promise<ImageFile | undefined> {
  let handle: FileHandle;
  try {
    handle = await open(layout.path, 'r');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw explain(layout, 'read', error);
  }
  const found = Buffer.alloc(headerBytes);
  await handle.read(found, 0, headerBytes, 0);
  const { size } = await handle.stat();
  if (size === fileBytes(layout) && found.equals(header(layout))) return imageFile(handle, layout);
  await handle.close();
  return undefined;
}

/**
 * Builds the file and opens it; `fill` writes blocks of images in any order.
 * @throws UserError if the folder is read-only or the disk full
 */
export async function buildImageFile(
  layout: ImageFileLayout,
  fill: (write: (first: number, images: Uint8Array) => Promise<void>) => Promise<void>,
): Promise<ImageFile> {
  const { path } = layout;
  await removeAbandoned(path);
  await writeWhole(
    { path, temporary: `${path}.${process.pid}-${randomUUID().slice(0, 8)}.tmp` },
    async (write) => {
      await write(header(layout), 0);
      await fill((first, images) => write(images, headerBytes + first * imageBytes(layout)));
    },
    (error) => explain(layout, 'write', error),
  );
  const file = await openImageFile(layout);
  if (file === undefined) throw new Error(`Another process changed ${path} while it was being written`);
  return file;
}

function imageFile(handle: FileHandle, { path, size }: ImageFileLayout) {
  const bytes = imageBytes({ size });
  const readPart = async (part: Uint8Array, position: number): Promise<void> => {
    const read = await readInto(handle, part, position);
    if (read === part.length) return;
    throw new UserError(`${path} ends at byte ${position + read}: delete it, and the images are rendered again`, 1);
  };
  return {
    /** As ImageDataset.read; indices must be valid. */
    read: async (indices: ArrayLike<number>, target: Uint8Array): Promise<void> => {
      const reads: Promise<void>[] = [];
      for (let from = 0; from < indices.length; ) {
        const first = indices[from] as number;
        let count = 1;
        while (from + count < indices.length && indices[from + count] === first + count) count++;
        const part = target.subarray(from * bytes, (from + count) * bytes);
        reads.push(readPart(part, headerBytes + first * bytes));
        from += count;
      }
      await Promise.all(reads);
    },
    close: () => handle.close(),
  };
}

/** Removes the temporary files of processes that were killed: they would fill the disk. */
async function removeAbandoned(path: string): Promise<void> {
  const prefix = `${basename(path)}.`;
  for (const entry of await readdir(dirname(path)).catch(() => [])) {
    if (!entry.startsWith(prefix) || !entry.endsWith('.tmp')) continue;
    const pid = Number.parseInt(entry.slice(prefix.length), 10);
    if (!isAlive(pid)) await rm(join(dirname(path), entry), { force: true });
  }
}

function explain(layout: ImageFileLayout, verb: 'read' | 'write', error: unknown): unknown {
  const { name, path } = layout;
  const folder = dirname(path);
  return diskError(error, {
    full: `The disk of ${folder} is full: the images of ${name} need ${Math.ceil(fileBytes(layout) / 1e6)} MB there`,
    unusable: (code) =>
      `Cannot ${verb} the images of ${name} in ${folder} (${code}): give a cache folder that can be written`,
  });
}
