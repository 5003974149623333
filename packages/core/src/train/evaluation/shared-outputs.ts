/** Inference shared by several processes: each runs its batches, and all get all outputs, in order. */
import { type ImageDataset, imageBytes } from '../../data/dataset';
import { type BatchOptions, batchCount, batches } from '../../data/loading/batches';
import { concatenated } from '../../delivery/concatenated';

/** What a network gave for one batch. */
export interface BatchOutputs<O extends string> {
  /** The batch's real images, which come first; the rest of the outputs is padding. */
  readonly indices: Int32Array;
  readonly outputs: Readonly<Record<O, Float32Array>>;
}

/** How several processes share a data set: process `index` of `of` runs each `of`-th batch. */
export interface Spread {
  readonly of: number;
  readonly index: number;
  /** The values of all processes, in the order of `index`; each gives as many. */
  gather(values: Float32Array): Promise<Float32Array>;
  /** Tells all processes which images of the data set one of them could not read. All must call it. */
  shareUnreadable(images: ImageDataset): Promise<void>;
}

/** The outputs of all batches, in order, in every process. */
export async function* sharedOutputs<O extends string>(
  images: ImageDataset,
  run: (pixels: Uint8Array) => Promise<Readonly<Record<O, Float32Array>>>,
  options: BatchOptions,
  spread: Spread,
): AsyncGenerator<BatchOutputs<O>> {
  const { batchSize, subset } = options;
  const { of, index } = spread;
  const order = subset ? Int32Array.from(subset) : images.labels.map((_, i) => i);
  const total = batchCount(order.length, options);
  const black = new Uint8Array(batchSize * imageBytes(images));
  const own = batches(images, { ...options, every: { of, index } });
  try {
    for (let first = 0; first < total; first += of) {
      // Where the batches do not divide by the processes, the last round has black ones.
      const batch = first + index < total ? (await own.next()).value : undefined;
      const made = Object.entries<Float32Array>(await run(batch?.images ?? black));
      const leftOut = Float32Array.from({ length: batchSize }, (_, i) => {
        const image = batch && i < batch.count ? batch.indices[i] : undefined;
        return Number(image !== undefined && images.isLeftOut?.(image) === true);
      });
      const parts = [...made.map(([, values]) => values), leftOut];
      const all = await spread.gather(concatenated(parts));
      const length = all.length / of;
      const flags = Array.from({ length: of }, (_, k) => all.subarray((k + 1) * length - batchSize, (k + 1) * length));
      if (flags.some((ofOne) => ofOne.includes(1))) await spread.shareUnreadable(images);
      for (let k = 0; k < of && first + k < total; k++) {
        let at = k * length;
        const outputs = made.map(([name, { length: size }]) => {
          at += size;
          return [name, all.subarray(at - size, at)] as const;
        });
        const number = first + k;
        yield {
          indices: order.subarray(number * batchSize, (number + 1) * batchSize),
          outputs: Object.fromEntries(outputs) as Record<O, Float32Array>,
        };
      }
    }
  } finally {
    await own.return();
  }
}
