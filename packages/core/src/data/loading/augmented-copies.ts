import { type ImageDataset, imageBytes } from '../dataset';
import { type Augmentation, type BatchOptions, batches, mirror } from './batches';

/**
 * The views that training shows of every image, where they have an end. By number, as a batch tells them:
 * as-is: 0, the image. mirrored: 0, the image, and 1, its mirror image; which of them an epoch shows is drawn by chance.
 * drawn: epoch e shows number e mod `count`, which is what the augmentation draws for it whatever the seed.
 */
export interface Views {
  readonly kind: 'as-is' | 'mirrored' | 'drawn';
  readonly count: number;
}

/**
 * The views of a data set under an augmentation; undefined where no view comes twice.
 * @param repeat how many drawn views to show in turn; 0: what the augmentation draws is new in each epoch
 */
export function viewsOf(dataset: ImageDataset, augment: Augmentation, repeat: number): Views | undefined {
  const { viewed = false, mirrors } = dataset;
  const crops = viewed ? mirrors === undefined : augment.crop !== undefined && augment.crop.pad > 0;
  const flips = viewed ? mirrors !== undefined : augment.flip === true;
  if (!crops && !flips) return { kind: 'as-is', count: 1 };
  if (repeat > 0) return { kind: 'drawn', count: repeat };
  return crops ? undefined : { kind: 'mirrored', count: 2 };
}

/** For `BatchOptions.repeat`: after how many epochs the augmentation repeats. */
export const repeatOf = (views: Views | undefined): number => (views?.kind === 'drawn' ? views.count : 0);

/** The images of a `subset` in one view each, in order; the last batch is padded. */
export async function* viewOf(
  dataset: ImageDataset,
  augment: Augmentation,
  views: Views,
  view: number,
  options: Pick<BatchOptions, 'batchSize' | 'subset'>,
): ReturnType<typeof batches> {
  const drawn = views.kind === 'drawn' && { augment, repeat: views.count };
  const bytes = imageBytes(dataset);
  for await (const batch of batches(dataset, { ...options, seed: 0, epoch: view, lastBatch: 'pad', ...drawn })) {
    if (views.kind === 'mirrored' && view === 1) {
      for (let i = 0; i < batch.count; i++) mirror(batch.images.subarray(i * bytes, (i + 1) * bytes), dataset.size);
    }
    yield batch;
  }
}
