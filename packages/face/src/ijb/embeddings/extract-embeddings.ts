import { mkdir } from 'node:fs/promises';
import type { ImageDataset } from '@headshare/core/data/dataset';
import { lockFolder } from '@headshare/core/system/lock-folder';
import { UserError } from '@headshare/core/system/user-error';
import type { EmbeddedBatch, Inference } from '@headshare/core/train/inference';
import type { EmbeddingRows } from '../protocol/protocol';
import { type EmbeddingShards, openShards } from './embedding-shards';

export interface Extraction {
  readonly dataset: ImageDataset;
  readonly inference: Inference;
  /** Length of the network's embeddings. */
  readonly dimension: number;
  /** Digest of the network's weights: with the data's fingerprint, what embeddings are found again by. */
  readonly weights: string;
  /** Shards lie in it; what an interrupted extraction left there is kept. */
  readonly folder: string;
  readonly signal?: AbortSignal;
  /** Hears of images embedded, of those there were already, and of all. */
  readonly onProgress?: (done: number, total: number) => void;
  readonly log?: (line: string) => void;
  /** What errors call an image; default: its index. */
  readonly nameOf?: (index: number) => string;
  /** Images of a file; default 1024. */
  readonly shardImages?: number;
}

export interface ExtractedEmbeddings {
  readonly embeddings: EmbeddingRows;
  readonly flipped: EmbeddingRows;
  /** Images that were embedded now; the others had been before. */
  readonly embedded: number;
}

/**
 * Embeds every image of a data set and its mirror image, in shards on disk that a later run goes on from, and that are
 * read back piece by piece. Another process that embeds the same waits, and then finds them there.
 * @throws UserError naming the first image whose embedding is not finite, or when the disk is full; the signal's reason
 */
export async function extractEmbeddings(options: Extraction): Promise<ExtractedEmbeddings> {
  const { folder, log } = options;
  await mkdir(folder, { recursive: true });
  const unlock = await lockFolder(folder, () => log?.(`another process embeds these images; waiting for it`));
  try {
    return await extract(options);
  } finally {
    await unlock();
  }
}

async function extract(options: Extraction): Promise<ExtractedEmbeddings> {
  const { dataset, inference, dimension, weights, folder, signal, onProgress, log, nameOf = String } = options;
  const images = dataset.labels.length;
  const key = { weights, data: dataset.fingerprint, images, dimension };
  const shards = await openShards(folder, key, options.shardImages);
  if (shards.damaged.length > 0) log?.(`${shards.damaged.length} damaged files of embeddings are made again`);
  const wanted = imagesOf(shards, images);
  const before = images - wanted.length;
  if (before > 0 && wanted.length > 0) log?.(`${before} of ${images} images were embedded before`);

  signal?.throwIfAborted();
  const [kept] = wanted.length < images ? keptImages(shards, images) : [];
  if (kept !== undefined) await requireSameNetwork(options, shards.rows('embeddings'), kept);
  const writer = shardWriter(shards, images, dimension);
  let done = before;
  const receive = (batch: EmbeddedBatch) => {
    requireFinite(batch, (index) => `The embedding of image ${index} of ${dataset.name}, ${nameOf(index)},`);
    writer(batch);
    done += batch.indices.length;
    onProgress?.(done, images);
    signal?.throwIfAborted();
  };
  if (wanted.length > 0) await inference.embedEach(dataset, receive, wanted);
  return { embeddings: shards.rows('embeddings'), flipped: shards.rows('flipped'), embedded: wanted.length };
}

/** The images of all shards that are missing, in order. */
function imagesOf({ missing, shardImages }: EmbeddingShards, images: number): Int32Array {
  const last = Math.ceil(images / shardImages) - 1;
  const shortBy = missing.at(-1) === last ? (last + 1) * shardImages - images : 0;
  const wanted = new Int32Array(missing.length * shardImages - shortBy);
  for (let i = 0; i < wanted.length; i++) {
    wanted[i] = (missing[Math.floor(i / shardImages)] as number) * shardImages + (i % shardImages);
  }
  return wanted;
}

/** The first image of each shard that is there. */
function* keptImages({ missing, shardImages }: EmbeddingShards, images: number): Generator<number> {
  const absent = new Set(missing);
  for (let number = 0; number * shardImages < images; number++) if (!absent.has(number)) yield number * shardImages;
}

/** The code may have changed since: an image is embedded once more, and must come out as it was but for rounding. */
async function requireSameNetwork(
  { inference, dataset, folder }: Extraction,
  rows: EmbeddingRows,
  index: number,
): Promise<void> {
  const before = await rows.read(index, 1);
  await inference.embedEach(
    dataset,
    ({ embeddings: now }) => {
      const moved = Math.hypot(...before.map((value, i) => value - (now[i] as number)));
      if (moved <= 0.01 * Math.hypot(...before)) return;
      throw new UserError(
        `${folder} holds embeddings that this network no longer makes: remove it to have them anew.`,
        1,
      );
    },
    [index],
  );
}

/** Gathers rows, which come in order, and writes each shard as soon as it has all of its own. */
function shardWriter(shards: EmbeddingShards, images: number, dimension: number): (batch: EmbeddedBatch) => void {
  const { shardImages } = shards;
  const plain = new Float32Array(Math.min(shardImages, images) * dimension);
  const mirrored = new Float32Array(plain.length);
  return ({ indices, embeddings, flipped }) => {
    for (const [row, index] of indices.entries()) {
      const number = Math.floor(index / shardImages);
      const place = index - number * shardImages;
      const [from, end] = [row * dimension, (row + 1) * dimension];
      plain.set(embeddings.subarray(from, end), place * dimension);
      mirrored.set(flipped.subarray(from, end), place * dimension);
      const ofShard = Math.min(shardImages, images - number * shardImages);
      if (place !== ofShard - 1) continue;
      shards.write(number, plain.subarray(0, ofShard * dimension), mirrored.subarray(0, ofShard * dimension));
    }
  };
}

function requireFinite({ embeddings, flipped, dimension, indices }: EmbeddedBatch, what: (index: number) => string) {
  for (const values of [embeddings, flipped]) {
    const at = values.findIndex((value) => !Number.isFinite(value));
    if (at < 0) continue;
    const index = indices[Math.floor(at / dimension)] as number;
    throw new UserError(`${what(index)} is not finite: it holds ${values[at]}.`, 1);
  }
}
