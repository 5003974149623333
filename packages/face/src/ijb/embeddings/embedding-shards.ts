import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bytesOf } from '@headshare/core/system/bytes-of';
import { makeFolder } from '@headshare/core/system/make-folder.cjs';
import { UserError } from '@headshare/core/system/user-error';
import { writeAtomically } from '@headshare/core/system/write-atomically';
import { checkRows, type EmbeddingRows, readFully, withFile } from './embedding-rows';

/** Identifies embeddings; a folder holds those of one key. */
export interface ShardKey {
  /** Digest of the network's weights. */
  readonly weights: string;
  /** The data set's fingerprint. */
  readonly data: string;
  readonly images: number;
  readonly dimension: number;
}

/** Embeddings of images and of their mirror images, in files of `shardImages` images each. */
export interface EmbeddingShards {
  /** Images in a shard; the last one may have fewer. */
  readonly shardImages: number;
  /** Numbers of the shards that are still to be written, ascending. */
  readonly missing: readonly number[];
  /** Those of `missing` whose files are damaged. */
  readonly damaged: readonly number[];
  /** Writes shard `number` atomically: [images of the shard, dimension] each. */
  write(number: number, embeddings: Float32Array, flipped: Float32Array): void;
  rows(kind: 'embeddings' | 'flipped'): EmbeddingRows;
}

const digestBytes = 32;

/**
 * Opens or creates a folder of shards, and checks all shards. A shard consists of the embeddings of its images and of
 * their mirror images, and the SHA-256 of both and of the key.
 * @throws UserError if the folder belongs to another key or cannot be written
 */
export async function openShards(folder: string, key: ShardKey, shardImages = 1024): Promise<EmbeddingShards> {
  const { images, dimension } = key;
  const identity = `${JSON.stringify(['headshare embeddings 1', key.weights, key.data, images, dimension, shardImages])}\n`;
  const fileOf = (number: number) => join(folder, `${String(number).padStart(5, '0')}.embeddings`);
  const imagesOf = (number: number) => Math.min(shardImages, images - number * shardImages);
  const matrixBytes = (number: number) => imagesOf(number) * dimension * 4;
  const digestOf = (parts: readonly Uint8Array[], number: number) => {
    const sha = createHash('sha256').update(identity).update(`${number}\n`);
    for (const part of parts) sha.update(part);
    return sha.digest();
  };

  await claim(folder, identity);
  const missing: number[] = [];
  const damaged: number[] = [];
  for (let number = 0; number * shardImages < images; number++) {
    const bytes = await contentOf(fileOf(number));
    const isComplete = bytes?.length === 2 * matrixBytes(number) + digestBytes;
    if (isComplete && digestOf([bytes.subarray(0, -digestBytes)], number).equals(bytes.subarray(-digestBytes)))
      continue;
    missing.push(number);
    if (bytes) damaged.push(number);
  }

  async function read(kind: 'embeddings' | 'flipped', from: number, rows: number): Promise<Float32Array> {
    checkRows(from, rows, images);
    const values = new Float32Array(rows * dimension);
    for (let row = from; row < from + rows; ) {
      const number = Math.floor(row / shardImages);
      const first = row - number * shardImages;
      const taken = Math.min(from + rows - row, imagesOf(number) - first);
      const target = bytesOf(values.subarray((row - from) * dimension, (row - from + taken) * dimension));
      const offset = (kind === 'flipped' ? matrixBytes(number) : 0) + first * dimension * 4;
      await withFile(fileOf(number), (handle) => readFully(handle, fileOf(number), target, offset));
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
        throw new RangeError(`Shard ${number} takes ${expected} numbers twice`);
      }
      const parts = [bytesOf(embeddings), bytesOf(flipped)];
      writeAtomically(fileOf(number), [...parts, digestOf(parts, number)]);
    },
    rows: (kind) => ({ images, dimension, read: (from, rows) => read(kind, from, rows) }),
  };
}

/** Writes the key into a new folder, or checks it. */
async function claim(folder: string, identity: string): Promise<void> {
  makeFolder(folder);
  const file = join(folder, 'key.json');
  const known = (await contentOf(file))?.toString('utf8');
  if (known === undefined) writeAtomically(file, [identity]);
  else if (known !== identity) {
    throw new UserError(
      `${folder} holds embeddings of other images or by another network: remove it, or choose another folder.`,
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
