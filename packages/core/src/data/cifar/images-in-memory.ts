import { checkRead, type ImageDataset, imageBytes } from '../dataset';

/** A data set whose images are all at hand: `images` has size x size x 3 bytes for each label. */
export function imagesInMemory(
  parts: Pick<ImageDataset, 'name' | 'classes' | 'size' | 'labels' | 'fingerprint'> & { readonly images: Uint8Array },
): ImageDataset {
  const { images, ...dataset } = parts;
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
