import { sides } from '../../system/image-size';
import { type ImageDataset, imageBytes } from '../dataset';
import { mirror } from './augmented';
import { type BatchOptions, batches } from './batches';

/**
 * The augmented copies that training shows of every image, where their number is finite. Copy numbers, by kind:
 * as-is: 0, the image itself. mirrored: 0, the image, and 1, its mirror image; each epoch shows one of them at random.
 * drawn: epoch e shows copy e mod `count`, which depends on the image and that number, not on the seed.
 */
export interface AugmentedCopies {
  readonly kind: 'as-is' | 'mirrored' | 'drawn';
  readonly count: number;
}

/**
 * The copies that training shows of a dataset's images; undefined where copies never repeat.
 * @param repeat how many drawn copies training shows in turn; 0: every epoch draws new ones
 */
export function augmentedCopies({ augmentation }: ImageDataset, repeat: number): AugmentedCopies | undefined {
  if (!augmentation) return { kind: 'as-is', count: 1 };
  if (repeat > 0) return { kind: 'drawn', count: repeat };
  return augmentation.mirrors && { kind: 'mirrored', count: 2 };
}

/** The value of `BatchOptions.repeat` that makes training show these copies. */
export const repeatOf = (copies: AugmentedCopies | undefined): number => (copies?.kind === 'drawn' ? copies.count : 0);

/** Batches of one copy of each image of `subset` (default: all), in order; the last batch is padded. */
export async function* readCopy(
  dataset: ImageDataset,
  copies: AugmentedCopies,
  copy: number,
  options: Pick<BatchOptions, 'batchSize' | 'subset'>,
): ReturnType<typeof batches> {
  const drawn = copies.kind === 'drawn' && { augment: true, repeat: copies.count };
  const bytes = imageBytes(dataset);
  const size = sides(dataset.size);
  for await (const batch of batches(dataset, { ...options, seed: 0, epoch: copy, lastBatch: 'pad', ...drawn })) {
    if (copies.kind === 'mirrored' && copy === 1) {
      for (let i = 0; i < batch.count; i++) mirror(batch.images.subarray(i * bytes, (i + 1) * bytes), size);
    }
    yield batch;
  }
}
