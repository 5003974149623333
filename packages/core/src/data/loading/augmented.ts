import { type Sides, sides } from '../../system/image-size';
import { stream } from '../../system/random';
import { type AugmentationKey, type ImageDataset, imageBytes } from '../dataset';

export interface FlipAndCrop {
  /** Mirrors an image left to right with probability 1/2. */
  readonly flip?: boolean;
  /** Pads every side with `pad` black pixels and crops to the old size at random (He et al., 2016, section 4.2). */
  readonly crop?: { readonly pad: number };
}

/**
 * A dataset whose images training sees mirrored and cropped at random, and evaluation unchanged.
 * @throws RangeError for a dataset that augments its images already
 */
export function augmented(dataset: ImageDataset, settings: FlipAndCrop): ImageDataset {
  const { name } = dataset;
  const size = sides(dataset.size);
  if (dataset.augmentation) throw new RangeError(`${name} augments its images already`);
  const { flip = false, crop: { pad } = { pad: 0 } } = settings;
  if (!flip && pad === 0) return dataset;
  const bytes = imageBytes(dataset);
  const draw = (index: number, { seed, epoch }: AugmentationKey) => {
    const random = stream(seed, 'augment', epoch, index);
    const mirrored = random.chance(0.5) && flip;
    return { mirrored, right: random.below(2 * pad + 1) - pad, down: random.below(2 * pad + 1) - pad };
  };
  return {
    ...dataset,
    augmentation: { settings, ...(pad === 0 && { mirrors: (index, key) => draw(index, key).mirrored }) },
    read: async (indices, target, key) => {
      await dataset.read(indices, target);
      if (!key) return;
      for (let i = 0; i < indices.length; i++) {
        const image = target.subarray(i * bytes, (i + 1) * bytes);
        const { mirrored, right, down } = draw(indices[i] as number, key);
        if (right !== 0 || down !== 0) shift(image, size, right, down);
        if (mirrored) mirror(image, size);
      }
    },
  };
}

/** Mirrors an image (height x width x 3 bytes) left to right, in place. */
export function mirror(image: Uint8Array, { height, width }: Sides): void {
  for (let y = 0; y < height; y++) {
    let left = y * width * 3;
    let right = left + (width - 1) * 3;
    for (; left < right; left += 3, right -= 3) {
      for (let channel = 0; channel < 3; channel++) {
        const kept = image[left + channel] as number;
        image[left + channel] = image[right + channel] as number;
        image[right + channel] = kept;
      }
    }
  }
}

/** Moves an image in place: pixel (x, y) becomes pixel (x + right, y + down), black outside the image. */
function shift(image: Uint8Array, { height, width }: Sides, right: number, down: number): void {
  const source = image.slice();
  image.fill(0);
  const from = Math.max(0, right);
  const to = Math.min(width, width + right);
  if (from >= to) return;
  for (let y = Math.max(0, -down); y < Math.min(height, height - down); y++) {
    const row = (y + down) * width;
    image.set(source.subarray((row + from) * 3, (row + to) * 3), (y * width + from - right) * 3);
  }
}
