import type { Picture } from 'headshare-student';

/** A picture as a canvas takes it, opaque. */
export function toImageData({ pixels, width, height }: Picture): ImageData {
  const image = new ImageData(width, height);
  for (let from = 0, to = 0; from < pixels.length; from += 3, to += 4) {
    image.data.set([pixels[from] as number, pixels[from + 1] as number, pixels[from + 2] as number, 255], to);
  }
  return image;
}
