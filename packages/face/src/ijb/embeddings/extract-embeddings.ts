import type { ImageDataset } from '@headshare/core/data/dataset';
import { lockFolder } from '@headshare/core/system/lock';
import { makeFolder } from '@headshare/core/system/make-folder.cjs';
import { UserError } from '@headshare/core/system/user-error';
import type { EmbeddedBatch, Inference } from '@headshare/core/train/evaluation/inference';
import type { SharedEvaluation } from '@headshare/core/train/workers/evaluate-together';
import type { EmbeddingRows } from './embedding-rows';
import { type EmbeddingShards, openShards } from './embedding-shards';

export interface Extraction {
  readonly dataset: ImageDataset;
  readonly inference: Inference;
  /** Length of the network's embeddings. */
  readonly dimension: number;
  /** Digest of the network's weights: with the data's fingerprint, the key of stored embeddings. */
  readonly weights: string;
  /** The folder of the shards; those of an interrupted extraction are used. */
  readonly folder: string;
  readonly signal?: AbortSignal;
  /** The workers that embed together; absent: this process alone. */
  readonly shared?: Pick<SharedEvaluation, 'run' | 'ofHome'>;
  /** Images in a batch of `inference`; default 1. */
  readonly batchSize?: number;
  /** Receives the number of images embedded, including earlier ones, and of all images. */
  readonly onProgress?: (done: number, total: number) => void;
  readonly log?: (line: string) => void;
  /** An image's name in errors; default: its index. */
  readonly nameOf?: (index: number) => string;
  /** Images in a file; default 1024. */
  readonly shardImages?: number;
}

export interface ExtractedEmbeddings {
  readonly embeddings: EmbeddingRows;
  readonly flipped: EmbeddingRows;
  /** Images that were embedded now; the others were stored already. */
  readonly embedded: number;
}

/**
 * Embeds every image of a data set and its mirror image into shards on disk. A later run continues after an
 * interruption. A process that embeds the same images waits for this one, and then uses its shards.
 * With several workers this is home's part.
 * @throws UserError that names the first image whose embedding is not finite, or if the disk is full; the signal's reason
 */
export async function extractEmbeddings(options: Extraction): Promise<ExtractedEmbeddings> {
  const { folder, log } = options;
  makeFolder(folder);
  const unlock = await lockFolder(folder, () => log?.('another process embeds these images; waiting for it'));
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
  if (shards.damaged.length > 0) log?.(`${shards.damaged.length} damaged files of embeddings are replaced`);
  const isMissing = new Set(shards.missing);
  const shardOf = (image: number) => Math.floor(image / shards.shardImages);
  const missing = Int32Array.from({ length: images }, (_, i) => i).filter((image) => isMissing.has(shardOf(image)));
  const before = images - missing.length;
  if (before > 0 && missing.length > 0) log?.(`${before} of ${images} images were embedded before`);

  signal?.throwIfAborted();
  if (before > 0) {
    let stored = 0;
    while (isMissing.has(stored)) stored++;
    await requireSameNetwork(options, shards.rows('embeddings'), stored * shards.shardImages);
  }
  const unwritten = new Set(shards.missing);
  const write = shardWriter(shards, unwritten, images, dimension);
  let done = before;
  const receive = (batch: EmbeddedBatch) => {
    requireFinite(batch, (index) => `The embedding of image ${index} of ${dataset.name}, ${nameOf(index)},`);
    write(batch);
    done += batch.indices.length;
    onProgress?.(done, images);
    signal?.throwIfAborted();
  };
  const { shared = byItself, batchSize = 1 } = options;
  if (missing.length > 0) {
    await shared.run(dataset, async () => {
      // When workers were lost: from the first shard that is not written, in the same batches as before.
      const written = missing.findIndex((image) => unwritten.has(shardOf(image)));
      const left = missing.subarray(written < 0 ? missing.length : Math.floor(written / batchSize) * batchSize);
      done = images - left.length;
      await shared.ofHome<Share>({ weights, stretches: stretchesOf(left) });
      await inference.embedEach(dataset, receive, left);
    });
  }
  return { embeddings: shards.rows('embeddings'), flipped: shards.rows('flipped'), embedded: missing.length };
}

/** What home wants embedded: images from `first` to before `end`, by a network. */
interface Share {
  readonly weights: string;
  readonly stretches: readonly (readonly [first: number, end: number])[];
}

/** One process by itself. */
const byItself: NonNullable<Extraction['shared']> = {
  run: (_images, work) => work(),
  ofHome: async (value) => value,
};

/**
 * In a worker that is not home: embeds its share of the images, which home stores.
 * @throws UserError if the network is not home's
 */
export async function helpToExtract({
  dataset,
  inference,
  weights,
  shared,
}: Pick<Extraction, 'dataset' | 'inference' | 'weights'> & Required<Pick<Extraction, 'shared'>>): Promise<void> {
  await shared.run(dataset, async () => {
    const wanted = await shared.ofHome<Share>({ weights, stretches: [] });
    if (wanted.weights !== weights) {
      throw new UserError('The network to evaluate has other contents here than at the first worker.', 1);
    }
    const images = wanted.stretches.flatMap(([first, end]) => Array.from({ length: end - first }, (_, i) => first + i));
    await inference.embedEach(dataset, () => undefined, images);
  });
}

function stretchesOf(ascending: Int32Array): readonly (readonly [first: number, end: number])[] {
  const stretches: [number, number][] = [];
  for (const image of ascending) {
    const last = stretches.at(-1);
    if (last?.[1] === image) last[1]++;
    else stretches.push([image, image + 1]);
  }
  return stretches;
}

/** Embeds a stored image again: the code may have changed since, and only rounding may differ. */
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
        `${folder} holds embeddings that differ from this network's: remove it to compute them again.`,
        1,
      );
    },
    [index],
  );
}

/** Collects rows, which come in order, and writes each of the `unwritten` shards as soon as it is complete. */
function shardWriter(
  shards: EmbeddingShards,
  unwritten: Set<number>,
  images: number,
  dimension: number,
): (batch: EmbeddedBatch) => void {
  const { shardImages } = shards;
  const plain = new Float32Array(Math.min(shardImages, images) * dimension);
  const mirrored = new Float32Array(plain.length);
  return ({ indices, embeddings, flipped }) => {
    for (const [row, index] of indices.entries()) {
      const number = Math.floor(index / shardImages);
      if (!unwritten.has(number)) continue;
      const at = index - number * shardImages;
      const [from, end] = [row * dimension, (row + 1) * dimension];
      plain.set(embeddings.subarray(from, end), at * dimension);
      mirrored.set(flipped.subarray(from, end), at * dimension);
      const size = Math.min(shardImages, images - number * shardImages);
      if (at !== size - 1) continue;
      shards.write(number, plain.subarray(0, size * dimension), mirrored.subarray(0, size * dimension));
      unwritten.delete(number);
    }
  };
}

function requireFinite(batch: EmbeddedBatch, describe: (index: number) => string): void {
  for (const values of [batch.embeddings, batch.flipped]) {
    const at = values.findIndex((value) => !Number.isFinite(value));
    if (at < 0) continue;
    const index = batch.indices[Math.floor(at / batch.dimension)] as number;
    throw new UserError(`${describe(index)} is not finite: it holds ${values[at]}.`, 1);
  }
}
