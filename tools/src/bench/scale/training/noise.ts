import { type ImageDataset, imageBytes } from '@headshare/core/data/dataset';
import type { ImageSize } from '@headshare/core/system/image-size';

/** Images for the trainings of bench-scale. */
export function noise(
  name: string,
  { images, size, classes }: { readonly images: number; readonly size: ImageSize; readonly classes: number },
): ImageDataset {
  const labels = Int32Array.from({ length: images }, (_, i) => (i * 37) % classes);
  const bytes = imageBytes({ size });
  return {
    name,
    classes,
    size,
    labels,
    fingerprint: name,
    async read(indices, target) {
      for (const [row, index] of Array.from(indices).entries()) {
        for (let i = 0; i < bytes; i++) target[row * bytes + i] = Math.imul(index + i, 2654435761) >>> 24;
      }
    },
    close: async () => undefined,
  };
}
