/** How `read` shows images in training: what is random about it depends on these and an image's index alone. */
export interface View {
  readonly seed: number;
  readonly epoch: number;
}

/** Labelled square RGB images addressed by index; bytes are uint8, HWC. */
export interface ImageDataset {
  readonly name: string;
  readonly classes: number;
  /** Images are size x size x 3. */
  readonly size: number;
  /** One label per image, in [0, classes). */
  readonly labels: Int32Array;
  /** Changes whenever a byte of any image or label would. */
  readonly fingerprint: string;
  /**
   * Does now what the first `read` would otherwise wait for (rendering or indexing), so that it can be timed and shown.
   * `onProgress` hears of images done and images in all.
   */
  prepare?(onProgress?: (done: number, total: number) => void): Promise<void>;
  /**
   * Writes the images of `indices`, one after another, into `target` (indices.length * size * size * 3 bytes).
   * `view` is for a data set that is `viewed`: absent, images are shown as in evaluation; others do not look at it.
   * Throws RangeError for an index outside [0, labels.length) or a target that is too small.
   */
  read(indices: ArrayLike<number>, target: Uint8Array, view?: View): Promise<void>;
  /**
   * True where `read` augments images itself, as `view` says, in threads of its own that write best into shared memory.
   * Others give every image as it is, and `batches` augments it.
   */
  readonly viewed?: boolean;
  /**
   * Of one that is `viewed`: what its views depend on besides `view` and the fingerprint; what was kept of a view holds
   * as long as this stays the same.
   */
  readonly viewFingerprint?: string;
  /** Of one that is `viewed` and does nothing but mirror: whether `read` does it. */
  mirrors?(index: number, view: View): boolean;
  close(): Promise<void>;
}

/** Bytes of one image of a data set. */
export function imageBytes(dataset: Pick<ImageDataset, 'size'>): number {
  return dataset.size * dataset.size * 3;
}

/** Throws the RangeError that `read` promises. */
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
  for (let i = 0; i < indices.length; i++) {
    const index = indices[i] as number;
    if (!(Number.isInteger(index) && index >= 0 && index < dataset.labels.length)) {
      throw new RangeError(`${dataset.name} has no image ${index}: indices run from 0 to ${dataset.labels.length - 1}`);
    }
  }
}
