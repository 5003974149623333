import sharp from 'sharp';
import { type ImageDataset, imageBytes } from '../data/dataset';
import type { ImageSource } from '../data/sources/image-source';
import { readImage } from '../data/sources/pack-shards';

/** The images of a source cut square and made small, to be looked at; those that cannot be read are black. */
export function thumbnails(source: ImageSource, size: number): ImageDataset {
  const { name, classes, labels, fingerprint } = source;
  const bytes = imageBytes({ size });
  return {
    name,
    classes,
    labels,
    size,
    fingerprint: `${fingerprint}-${size}`,
    read: async (indices, target) => {
      for (let i = 0; i < indices.length; i++) {
        target.set(await thumbnail(source, indices[i] as number, size), i * bytes);
      }
    },
    close: async () => undefined,
  };
}

async function thumbnail(source: ImageSource, index: number, size: number): Promise<Uint8Array> {
  const location = source.locate(index);
  try {
    const image = sharp(await readImage(location));
    if (location.box) {
      const { width, height } = await image.metadata();
      const [left, top] = location.box;
      const box = {
        left,
        top,
        width: Math.min(location.box[2], width - left),
        height: Math.min(location.box[3], height - top),
      };
      image.extract(box);
    }
    const pixels = image.resize(size, size, { fit: 'cover' }).toColourspace('srgb').removeAlpha();
    const { data, info } = await pixels.raw().toBuffer({ resolveWithObject: true });
    if (info.channels === 3) return data;
    return Uint8Array.from(
      { length: imageBytes({ size }) },
      (_, i) => data[Math.floor(i / 3) * info.channels] as number,
    );
  } catch {
    return new Uint8Array(imageBytes({ size }));
  }
}
