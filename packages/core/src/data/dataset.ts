import { type ImageSize, sides } from '../system/image-size';
import type { UnreadableImages } from './unreadable';

/** Selects the random numbers of an augmentation: equal keys and indices give equal images. */
export interface AugmentationKey {
  readonly seed: number;
  readonly epoch: number;
}

/** How a dataset varies its images in training. */
export interface Augmentation {
  /** Everything that augmented images depend on besides the key and the dataset's fingerprint, as JSON can hold it. */
  readonly settings: unknown;
  /** Whether an image is mirrored under a key; only for augmentations that do nothing else. */
  mirrors?(index: number, key: AugmentationKey): boolean;
}

/** Labelled RGB images addressed by index; bytes are uint8, HWC. */
export interface ImageDataset {
  readonly name: string;
  readonly classes: number;
  /** Images are height x width x 3. */
  readonly size: ImageSize;
  /** One label per image, in [0, classes). */
  readonly labels: Int32Array;
  /** Changes whenever a byte of any image (as in evaluation) or label changes. */
  readonly fingerprint: string;
  /** Absent where training sees every image unchanged; `augmented` adds random flips and crops. */
  readonly augmentation?: Augmentation;
  /** The images that could not be read so far, by their indices in the source; absent where images are not in files. */
  readonly unreadableImages?: UnreadableImages;
  /** Whether the image was left out because it cannot be read: `read` then wrote black pixels. */
  isLeftOut?(index: number): boolean;
  /**
   * Does now the work that the first `read` would otherwise do (rendering or indexing), so that it can be timed and
   * shown. `onProgress` gets the number of finished images and of all images.
   */
  prepare?(onProgress?: (done: number, total: number) => void): Promise<void>;
  /**
   * Writes the images of `indices`, one after another, into `target` (indices.length * height * width * 3 bytes, which may
   * be shared memory): augmented where a key is given and the dataset has an augmentation, else as in evaluation.
   * Throws RangeError for an index outside [0, labels.length) or a target that is too small.
   */
  read(indices: ArrayLike<number>, target: Uint8Array, key?: AugmentationKey): Promise<void>;
  close(): Promise<void>;
}

/** Bytes of one image of a dataset. */
export function imageBytes({ size }: Pick<ImageDataset, 'size'>): number {
  const { height, width } = sides(size);
  return height * width * 3;
}

/** Makes the checks that `ImageDataset.read` promises. @throws RangeError */
export function checkRead(
  dataset: Pick<ImageDataset, 'name' | 'size' | 'labels'>,
  indices: ArrayLike<number>,
  target: Uint8Array,
): void {
  const needed = indices.length * imageBytes(dataset);
  if (target.length < needed) {
    throw new RangeError(
      `${dataset.name}: ${indices.length} images need ${needed} bytes, the target has ${target.length}`,
    );
  }
  for (let i = 0; i < indices.length; i++) checkIndex(dataset, indices[i] as number);
}

/** @throws RangeError for an index outside [0, labels.length) */
export function checkIndex({ name, labels }: Pick<ImageDataset, 'name' | 'labels'>, index: number): void {
  if (!(Number.isInteger(index) && index >= 0 && index < labels.length)) {
    throw new RangeError(`${name} has no image ${index}: indices run from 0 to ${labels.length - 1}`);
  }
}

/** A dataset in memory; `images`: height x width x 3 bytes per label. */
export function imagesInMemory(
  dataset: Pick<ImageDataset, 'name' | 'classes' | 'size' | 'labels' | 'fingerprint'>,
  images: Uint8Array,
): ImageDataset {
  const bytes = imageBytes(dataset);
  return {
    ...dataset,
    read: async (indices, target) => {
      checkRead(dataset, indices, target);
      for (let i = 0; i < indices.length; i++) {
        const from = (indices[i] as number) * bytes;
        target.set(images.subarray(from, from + bytes), i * bytes);
      }
    },
    close: async () => undefined,
  };
}
