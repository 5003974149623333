import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { readInto } from '../../system/read-into';
import { UserError } from '../../system/user-error';
import { writeAtomically } from '../../system/write-atomically';
import { DamagedRecord } from '../record-io/frame';
import { readRecordImage } from '../record-io/record-image';
import type { ImageLocation, ImageSource } from './image-source';
import { type Shard, type ShardIndex, shardFormat, shardIndexFile } from './shard-index';

export interface PackOptions {
  /** A shard is closed once it has so many bytes; default 1 GiB. */
  readonly shardBytes?: number;
  /** Hears of images done and in all. */
  readonly onProgress?: (done: number, total: number) => void;
}

// Reading is what takes long where files lie on a network.
const readAhead = 32;

/**
 * Packs the encoded images of a source, in its order, into a few large files and an index that is written last: disks
 * and networks read those far faster than a million small ones. A shard appears under its name only when it is whole.
 * @throws UserError for an image that cannot be read, and a full or read-only disk
 */
export async function packShards(source: ImageSource, folder: string, options: PackOptions = {}): Promise<ShardIndex> {
  const { shardBytes = 2 ** 30, onProgress } = options;
  const at = resolve(folder);
  const onDisk = <T>(work: Promise<T>): Promise<T> => work.catch((error) => Promise.reject(unwritable(error, at)));
  await onDisk(mkdir(at, { recursive: true }));
  // An index of before would speak of shards that are being replaced.
  await onDisk(rm(shardIndexFile(at, source.name), { force: true }));
  const total = source.labels.length;
  const shards: Shard[] = [];
  const lengths: number[] = [];
  const boxes: NonNullable<ImageLocation['box']>[] = [];
  let current: OpenShard | undefined;
  try {
    for (let from = 0; from < total; from += readAhead) {
      const locations = Array.from({ length: Math.min(readAhead, total - from) }, (_, i) => source.locate(from + i));
      for (const [i, image] of (await Promise.all(locations.map(readImage))).entries()) {
        current ??= await onDisk(openShard(at, source.name, shards.length));
        await onDisk(append(current, image));
        lengths.push(image.length);
        const box = locations[i]?.box;
        if (box) boxes.push(box);
        if (current.bytes >= shardBytes) {
          shards.push(await onDisk(closeShard(current)));
          current = undefined;
        }
      }
      onProgress?.(lengths.length, total);
    }
    if (current) shards.push(await onDisk(closeShard(current)));
    current = undefined;
  } finally {
    if (current) {
      await current.handle.close().catch(() => undefined);
      await rm(current.partial, { force: true });
    }
  }
  const index: ShardIndex = {
    format: shardFormat,
    name: source.name,
    classNames: source.classNames,
    fingerprint: source.fingerprint,
    shards,
    lengths,
    labels: Array.from(source.labels),
    ...(boxes.length === total && total > 0 && { boxes }),
  };
  writeAtomically(shardIndexFile(at, source.name), [JSON.stringify(index)]);
  return index;
}

interface OpenShard {
  readonly handle: FileHandle;
  readonly path: string;
  readonly partial: string;
  readonly file: string;
  readonly hash: Hash;
  images: number;
  bytes: number;
}

async function openShard(folder: string, name: string, number: number): Promise<OpenShard> {
  const file = `${name.replace(/[^\w.-]+/g, '-')}-${String(number).padStart(5, '0')}.shard`;
  const path = join(folder, file);
  const partial = `${path}.partial`;
  return { handle: await open(partial, 'w'), path, partial, file, hash: createHash('sha256'), images: 0, bytes: 0 };
}

async function append(shard: OpenShard, image: Buffer): Promise<void> {
  await shard.handle.appendFile(image);
  shard.hash.update(image);
  shard.images++;
  shard.bytes += image.length;
}

async function closeShard({ handle, path, partial, file, hash, images, bytes }: OpenShard): Promise<Shard> {
  await handle.sync();
  await handle.close();
  await rename(partial, path);
  return { file, images, bytes, sha256: hash.digest('hex') };
}

/** The encoded image at a location. @throws UserError where it cannot be read, or ends too early */
export async function readImage({ file, offset, length, inRecord, bytes }: ImageLocation): Promise<Buffer> {
  try {
    if (bytes) return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    if (offset === undefined || length === undefined) return await readFile(file);
    if (inRecord) return await readRecordImage({ file, offset, length });
    const handle = await open(file, 'r');
    try {
      const image = Buffer.alloc(length);
      const read = await readInto(handle, image, offset);
      if (read < length) throw new UserError(`${file} ends at byte ${offset + read}: pack it again.`, 1);
      return image;
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (error instanceof UserError) throw error;
    if (error instanceof DamagedRecord) throw new UserError(`${error.message}.`, 1);
    throw new UserError(
      `${file} cannot be read (${(error as NodeJS.ErrnoException).code ?? (error as Error).message}).`,
      1,
    );
  }
}

function unwritable(error: unknown, folder: string): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new UserError(`The disk of ${folder} is full: the images are not packed.`, 1);
  if (code === 'EACCES' || code === 'EROFS' || code === 'EPERM' || code === 'ENOTDIR' || code === 'EEXIST') {
    return new UserError(`${folder} cannot be written to (${code}).`, 1);
  }
  return error;
}
