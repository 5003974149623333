import { createHash } from 'node:crypto';
import { type FileHandle, mkdir, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readInto } from '@headshare/core/system/read-into';
import { UserError } from '@headshare/core/system/user-error';
import { writeAtomically } from '@headshare/core/system/write-atomically';
import { bytesOf } from '@headshare/core/weights/safetensors';
import type { EmbeddingRows } from '../protocol/protocol';

/** What embeddings are of: shards of anything else are not read. */
export interface ShardKey {
  /** The network's weights. */
  readonly weights: string;
  /** The data set's fingerprint. */
  readonly data: string;
  readonly images: number;
  readonly dimension: number;
}

/** Embeddings of images and of their mirror images, in files of a thousand images each. */
export interface EmbeddingShards {
  /** Images of a shard; the last one may have fewer. */
  readonly shardImages: number;
  /** Numbers of the shards that are not there yet, ascending. */
  readonly missing: readonly number[];
  /** Shards that were there, and damaged. */
  readonly damaged: readonly number[];
  /** Writes shard `number`, whole or not at all: [images of the shard, dimension] each. */
  write(number: number, embeddings: Float32Array, flipped: Float32Array): void;
  rows(view: 'embeddings' | 'flipped'): EmbeddingRows;
}

const digestBytes = 32;

/**
 * Opens a folder of shards, or begins one. A shard is the rows of its images, those of their mirror images, and the
 * SHA-256 of both and of the key; all of them are read and checked here.
 * @throws UserError when the folder is another key's or cannot be written
 */
export async function openShards(folder: string, key: ShardKey, shardImages = 1024): Promise<EmbeddingShards> {
  const { images, dimension } = key;
  const count = Math.ceil(images / shardImages);
  const identity = `${JSON.stringify(['headshare embeddings 1', key.weights, key.data, images, dimension, shardImages])}\n`;
  const fileOf = (number: number) => join(folder, `${String(number).padStart(5, '0')}.embeddings`);
  const imagesOf = (number: number) => Math.min(shardImages, images - number * shardImages);
  const viewBytes = (number: number) => imagesOf(number) * dimension * 4;
  const digestOf = (parts: readonly Uint8Array[], number: number) => {
    const sha = createHash('sha256').update(identity).update(`${number}\n`);
    for (const part of parts) sha.update(part);
    return sha.digest();
  };

  await begin(folder, identity);
  const missing: number[] = [];
  const damaged: number[] = [];
  for (let number = 0; number < count; number++) {
    const bytes = await contentOf(fileOf(number));
    const whole = bytes?.length === 2 * viewBytes(number) + digestBytes;
    if (bytes && whole && digestOf([bytes.subarray(0, -digestBytes)], number).equals(bytes.subarray(-digestBytes))) {
      continue;
    }
    missing.push(number);
    if (bytes) damaged.push(number);
  }

  async function read(view: 'embeddings' | 'flipped', from: number, rows: number): Promise<Float32Array> {
    if (from < 0 || rows < 0 || from + rows > images) {
      throw new RangeError(`rows ${from} to ${from + rows - 1} of ${images} embeddings`);
    }
    const values = new Float32Array(rows * dimension);
    for (let row = from; row < from + rows; ) {
      const number = Math.floor(row / shardImages);
      const first = row - number * shardImages;
      const taken = Math.min(from + rows - row, imagesOf(number) - first);
      const start = (row - from) * dimension;
      const offset = (view === 'flipped' ? viewBytes(number) : 0) + first * dimension * 4;
      await readFrom(fileOf(number), bytesOf(values.subarray(start, start + taken * dimension)), offset);
      row += taken;
    }
    return values;
  }

  return {
    shardImages,
    missing,
    damaged,
    write(number, embeddings, flipped) {
      const expected = imagesOf(number) * dimension;
      if (embeddings.length !== expected || flipped.length !== expected) {
        throw new RangeError(`shard ${number} takes ${expected} numbers twice`);
      }
      const parts = [bytesOf(embeddings), bytesOf(flipped)];
      writeAtomically(fileOf(number), [...parts, digestOf(parts, number)]);
    },
    rows: (view) => ({ images, dimension, read: (from, rows) => read(view, from, rows) }),
  };
}

async function begin(folder: string, identity: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const file = join(folder, 'key.json');
  const known = (await contentOf(file))?.toString('utf8');
  if (known === undefined) writeAtomically(file, [identity]);
  else if (known !== identity) {
    throw new UserError(
      `${folder} holds embeddings of other images, or by another network: remove it, or name another.`,
      1,
    );
  }
}

async function contentOf(file: string): Promise<Buffer | undefined> {
  try {
    return await readFile(file);
  } catch (error) {
    if (Reflect.get(Object(error), 'code') === 'ENOENT') return undefined;
    throw new UserError(`${file} cannot be read: ${(error as Error).message}.`, 1);
  }
}

async function readFrom(file: string, target: Uint8Array, offset: number): Promise<void> {
  const handle = await open(file, 'r').catch((error: Error) => {
    throw new UserError(`${file} cannot be read: ${error.message}.`, 1);
  });
  try {
    await readFully(handle, file, target, offset);
  } finally {
    await handle.close();
  }
}

/** Fills `target` with the file's bytes from `offset` on. @throws UserError where the file ends before */
export async function readFully(handle: FileHandle, file: string, target: Uint8Array, offset: number): Promise<void> {
  const read = await readInto(handle, target, offset);
  if (read < target.length) throw new UserError(`${file} ends at byte ${offset + read}, before it should.`, 1);
}
