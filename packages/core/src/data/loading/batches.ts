import { stream } from '../../system/random';
import { type ImageDataset, imageBytes, type View } from '../dataset';

export interface BatchOptions {
  readonly batchSize: number;
  readonly seed: number;
  readonly epoch: number;
  /** Default false: the order of `subset`, or of the data set. */
  readonly shuffle?: boolean;
  /** Left out: images are shown as in evaluation. A data set that is `viewed` does what is its own instead of this. */
  readonly augment?: Augmentation;
  /** What becomes of images that do not fill a batch: left out, or filled up with black images. */
  readonly lastBatch: 'drop' | 'pad';
  /** Only these images, by index; default all. */
  readonly subset?: ArrayLike<number>;
  /** The first batch to give, for resuming in the middle of an epoch; default 0. */
  readonly from?: number;
  /**
   * What augmentation draws repeats after so many epochs, and is the same whatever the seed, so that what is computed of
   * a view can be kept; the order does not repeat. Default 0: every epoch draws anew.
   */
  readonly repeat?: number;
  /** Reads what else a batch has of its images, in the time that it is read ahead: a row of numbers each. */
  readonly rows?: ReadRows;
  /** How many batches are read ahead while the consumer works; default 2. */
  readonly prefetch?: number;
  /** Filled in as the epoch goes on. */
  readonly waiting?: Waiting;
}

/** The rows of images under views, as a batch has both, one after another; those of padding (index -1) are zeros. */
export type ReadRows = (indices: Int32Array, views: Int32Array) => Promise<Float32Array>;

/** How an epoch's consumer spends its time, in seconds since it first asked for a batch. */
export interface Waiting {
  /** In which it waited for images. */
  waited: number;
  total: number;
}

export interface Augmentation {
  /** Mirrors an image with probability 1/2. */
  readonly flip?: boolean;
  /** Pads with `pad` black pixels on every side, then crops to the old size anywhere (He et al., 2016, section 4.2). */
  readonly crop?: { readonly pad: number };
}

export interface Batch {
  /** batchSize x size x size x 3 bytes. */
  readonly images: Uint8Array;
  /** batchSize labels; 0 where the batch is padded. */
  readonly labels: Int32Array;
  /** batchSize indices into the data set; -1 where the batch is padded. */
  readonly indices: Int32Array;
  /** Of each image, which of the `Views` it shows; 0 where those have no end. */
  readonly views: Int32Array;
  /** What `BatchOptions.rows` read. */
  readonly rows?: Float32Array;
  /** How many images are real; they come first. */
  readonly count: number;
}

/** How many batches `batches` gives from 0 on. */
export function batchCount(
  images: number,
  { batchSize, lastBatch }: Pick<BatchOptions, 'batchSize' | 'lastBatch'>,
): number {
  return lastBatch === 'drop' ? Math.floor(images / batchSize) : Math.ceil(images / batchSize);
}

/**
 * One epoch of a data set in batches of equal size. Order and augmentation depend on (seed, epoch, index of the image)
 * alone. A few batches are read ahead; each has memory of its own, so that a consumer may keep it.
 */
export async function* batches(dataset: ImageDataset, options: BatchOptions): AsyncGenerator<Batch, void, void> {
  const { from = 0, prefetch = 2, waiting } = options;
  const started = performance.now();
  const order = epochOrder(dataset, options);
  const total = batchCount(order.length, options);
  const ahead: Promise<Batch>[] = [];
  let next = from;
  try {
    for (let current = from; current < total; current++) {
      for (; next < total && next <= current + prefetch; next++) {
        const loading = loadBatch(dataset, order, next, options);
        // A failure is met when its turn comes; until then it must not count as unhandled.
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
    // Whoever leaves early may close the data set next.
    await Promise.allSettled(ahead);
  }
}

/** The indices of an epoch, in its order. */
export function epochOrder(
  dataset: Pick<ImageDataset, 'labels'>,
  { subset, shuffle, seed, epoch }: Pick<BatchOptions, 'subset' | 'shuffle' | 'seed' | 'epoch'>,
): Int32Array {
  const order = subset ? Int32Array.from(subset) : Int32Array.from({ length: dataset.labels.length }, (_, i) => i);
  return shuffle ? stream(seed, 'order', epoch).shuffle(order) : order;
}

async function loadBatch(
  dataset: ImageDataset,
  order: Int32Array,
  number: number,
  options: BatchOptions,
): Promise<Batch> {
  const { batchSize, augment, rows } = options;
  const drawn = drawnBy(options);
  const indices = new Int32Array(batchSize).fill(-1);
  const real = order.subarray(number * batchSize, (number + 1) * batchSize);
  indices.set(real);
  const bytes = imageBytes(dataset);
  const { viewed = false } = dataset;
  const images = new Uint8Array(viewed ? new SharedArrayBuffer(batchSize * bytes) : new ArrayBuffer(batchSize * bytes));
  if (viewed && augment) await dataset.read(real, images, drawn);
  else await dataset.read(real, images);
  const labels = new Int32Array(batchSize);
  for (let i = 0; i < real.length; i++) labels[i] = dataset.labels[real[i] as number] as number;
  const mirrored = new Uint8Array(batchSize);
  if (!viewed && (augment?.flip || augment?.crop)) {
    for (let i = 0; i < real.length; i++) {
      const image = images.subarray(i * bytes, (i + 1) * bytes);
      mirrored[i] = Number(augmentImage(image, dataset.size, augment, drawn, real[i] as number));
    }
  } else if (viewed && augment && dataset.mirrors) {
    for (let i = 0; i < real.length; i++) mirrored[i] = Number(dataset.mirrors(real[i] as number, drawn));
  }
  const { repeat = 0, epoch } = options;
  const views = repeat > 0 ? new Int32Array(batchSize).fill(epoch % repeat) : Int32Array.from(mirrored);
  const batch = { images, labels, indices, views, count: real.length };
  return rows ? { ...batch, rows: await rows(indices, views) } : batch;
}

// Of views that repeat, so that all seeds share them.
const sharedSeed = 0;

/** What an epoch's augmentation is drawn by. */
const drawnBy = ({ seed, epoch, repeat = 0 }: Pick<BatchOptions, 'seed' | 'epoch' | 'repeat'>): View =>
  repeat > 0 ? { seed: sharedSeed, epoch: epoch % repeat } : { seed, epoch };

/** @returns whether it is mirrored */
function augmentImage(
  image: Uint8Array,
  size: number,
  { flip, crop }: Augmentation,
  { seed, epoch }: View,
  index: number,
): boolean {
  const random = stream(seed, 'augment', epoch, index);
  const mirrored = random.chance(0.5) && flip === true;
  const pad = crop?.pad ?? 0;
  const right = random.below(2 * pad + 1) - pad;
  const down = random.below(2 * pad + 1) - pad;
  if (right !== 0 || down !== 0) shift(image, size, right, down);
  if (mirrored) mirror(image, size);
  return mirrored;
}

/** Mirrors an image (size x size x 3 bytes) left to right, in place. */
export function mirror(image: Uint8Array, size: number): void {
  for (let y = 0; y < size; y++) {
    let left = y * size * 3;
    let right = left + (size - 1) * 3;
    for (; left < right; left += 3, right -= 3) {
      for (let channel = 0; channel < 3; channel++) {
        const kept = image[left + channel] as number;
        image[left + channel] = image[right + channel] as number;
        image[right + channel] = kept;
      }
    }
  }
}

/** What a crop of the padded image shows: pixel (x, y) becomes what (x + right, y + down) was, black outside. */
function shift(image: Uint8Array, size: number, right: number, down: number): void {
  const source = image.slice();
  image.fill(0);
  const from = Math.max(0, right);
  const to = Math.min(size, size + right);
  if (from >= to) return;
  for (let y = Math.max(0, -down); y < Math.min(size, size - down); y++) {
    const row = (y + down) * size;
    image.set(source.subarray((row + from) * 3, (row + to) * 3), (y * size + from - right) * 3);
  }
}
