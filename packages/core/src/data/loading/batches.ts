import { stream } from '../../system/random';
import { type AugmentationKey, type ImageDataset, imageBytes } from '../dataset';

export interface BatchOptions {
  readonly batchSize: number;
  readonly seed: number;
  readonly epoch: number;
  /** Default false: the order of `subset`, or of the dataset. */
  readonly shuffle?: boolean;
  /** Reads augmented images, if the dataset has an augmentation; default false: as in evaluation. */
  readonly augment?: boolean;
  /** Drops images that do not fill a batch, or pads the last batch with black images. */
  readonly lastBatch: 'drop' | 'pad';
  /** Indices of the images to read; default: all. */
  readonly subset?: ArrayLike<number>;
  /** The first batch to yield, for resuming within an epoch; default 0. */
  readonly from?: number;
  /**
   * After how many epochs augmented images repeat. They are then the same for every seed, so that embeddings of them can
   * be cached; the order still depends on seed and epoch. Default 0: they never repeat.
   */
  readonly repeat?: number;
  /** Reads embeddings of each batch's images, ahead of the consumer like the images. */
  readonly embeddings?: ReadEmbeddings;
  /** Reads images and embeddings of these rows of each batch alone, where other processes read the rest. */
  readonly rows?: Rows;
  /** Yields only the batches whose number is `index` modulo `of`, where other processes read the rest. */
  readonly every?: { readonly of: number; readonly index: number };
  /** How many batches are read ahead of the consumer; default 2. */
  readonly prefetch?: number;
  /** Updated during the epoch. */
  readonly waiting?: Waiting;
}

/** Rows of a batch, from the first up to and without the end. */
export interface Rows {
  readonly from: number;
  readonly end: number;
}

/**
 * Reads one embedding for each image index and copy number (see `AugmentedCopies`), concatenated; zeros for padding
 * (index -1).
 */
export type ReadEmbeddings = (indices: Int32Array, copies: Int32Array) => Promise<Float32Array>;

/** How long the consumer of an epoch waited, in seconds since it asked for the first batch. */
export interface Waiting {
  /** Seconds spent waiting for images. */
  waited: number;
  total: number;
}

export interface Batch {
  /** Its place in the epoch, from 0. */
  readonly number: number;
  /** [batchSize, height, width, 3] bytes, in shared memory; only `BatchOptions.rows` of them. */
  readonly images: Uint8Array;
  /** [batchSize]; 0 for padding. */
  readonly labels: Int32Array;
  /** [batchSize], indices into the dataset; -1 for padding. */
  readonly indices: Int32Array;
  /** [batchSize], the copy number of each image (see `AugmentedCopies`); 0 where copies never repeat. */
  readonly copies: Int32Array;
  /** The result of `BatchOptions.embeddings`, for `BatchOptions.rows`. */
  readonly embeddings?: Float32Array;
  /** How many images are real; they come first. */
  readonly count: number;
}

/** How many batches `batches` yields from batch 0 on. */
export const batchCount = (images: number, { batchSize, lastBatch }: Pick<BatchOptions, 'batchSize' | 'lastBatch'>) =>
  lastBatch === 'drop' ? Math.floor(images / batchSize) : Math.ceil(images / batchSize);

/**
 * One epoch of a dataset in batches of equal size. Order and augmentation depend on (seed, epoch, index of the image)
 * alone. Each batch has its own memory, so that a consumer may keep it.
 */
export async function* batches(dataset: ImageDataset, options: BatchOptions): AsyncGenerator<Batch, void, void> {
  const { subset, shuffle, seed, epoch, from = 0, prefetch = 2, waiting, every = { of: 1, index: 0 } } = options;
  const started = performance.now();
  const indices = subset ? Int32Array.from(subset) : dataset.labels.map((_, i) => i);
  const order = shuffle ? stream(seed, 'order', epoch).shuffle(indices) : indices;
  const total = batchCount(order.length, options);
  const numbers = Int32Array.from({ length: Math.max(0, total - from) }, (_, i) => from + i).filter(
    (number) => number % every.of === every.index,
  );
  const ahead: Promise<Batch>[] = [];
  let next = 0;
  try {
    for (let current = 0; current < numbers.length; current++) {
      for (; next < numbers.length && next <= current + prefetch; next++) {
        const loading = loadBatch(dataset, order, numbers[next] as number, options);
        // A failure is thrown when its turn comes; until then Node must not report it as unhandled.
        loading.catch(() => undefined);
        ahead.push(loading);
      }
      const asked = performance.now();
      const batch = await (ahead.shift() as Promise<Batch>);
      if (waiting) {
        waiting.waited += (performance.now() - asked) / 1000;
        waiting.total = (performance.now() - started) / 1000;
      }
      yield batch;
      if (waiting) waiting.total = (performance.now() - started) / 1000;
    }
  } finally {
    // A consumer that leaves early may close the dataset next.
    await Promise.allSettled(ahead);
  }
}

async function loadBatch(
  dataset: ImageDataset,
  order: Int32Array,
  number: number,
  options: BatchOptions,
): Promise<Batch> {
  const { batchSize, augment = false, seed, epoch, repeat = 0, embeddings } = options;
  const { from, end } = options.rows ?? { from: 0, end: batchSize };
  // Copies that repeat are the same for every seed.
  const key: AugmentationKey = repeat > 0 ? { seed: 0, epoch: epoch % repeat } : { seed, epoch };
  const real = order.subarray(number * batchSize, (number + 1) * batchSize);
  const indices = new Int32Array(batchSize).fill(-1);
  indices.set(real);
  // Worker threads write into shared memory directly.
  const images = new Uint8Array(new SharedArrayBuffer((end - from) * imageBytes(dataset)));
  await dataset.read(real.subarray(from, end), images, augment ? key : undefined);
  const labels = new Int32Array(batchSize);
  const copies = new Int32Array(batchSize).fill(repeat > 0 ? key.epoch : 0);
  for (const [i, index] of real.entries()) {
    labels[i] = dataset.labels[index] as number;
    if (augment && repeat === 0) copies[i] = Number(dataset.augmentation?.mirrors?.(index, key) ?? false);
  }
  const batch = { number, images, labels, indices, copies, count: real.length };
  if (!embeddings) return batch;
  return { ...batch, embeddings: await embeddings(indices.subarray(from, end), copies.subarray(from, end)) };
}
