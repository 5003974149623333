import sharp from 'sharp';
import { type ImageDataset, imageBytes } from '../data/dataset';
import { type Choose, decodeInto } from '../data/pipeline/decode';
import { loadNativeImages } from '../data/pipeline/native';
import { centreCrop } from '../data/pipeline/transforms';
import { type ImageSource, readImage } from '../data/sources/image-source';
import { sides } from '../system/image-size';
import { writeAtomically } from '../system/write-atomically';

/**
 * Writes a PNG of images of a dataset: a row of images for each list of indices, enlarged `zoom` times (whole numbers
 * keep pixels sharp).
 */
export async function contactSheet(
  dataset: Pick<ImageDataset, 'size' | 'read'>,
  rows: readonly ArrayLike<number>[],
  path: string,
  zoom = 1,
): Promise<void> {
  const gap = 2;
  const image = sides(dataset.size);
  const columns = Math.max(1, ...rows.map((row) => row.length));
  const width = columns * (image.width + gap) + gap;
  const height = rows.length * (image.height + gap) + gap;
  const sheet = new Uint8Array(width * height * 3).fill(255);
  for (const [r, row] of rows.entries()) {
    const images = new Uint8Array(row.length * imageBytes(dataset));
    await dataset.read(row, images);
    for (let c = 0; c < row.length; c++) {
      for (let y = 0; y < image.height; y++) {
        const from = (c * image.height + y) * image.width * 3;
        const to = ((gap + r * (image.height + gap) + y) * width + gap + c * (image.width + gap)) * 3;
        sheet.set(images.subarray(from, from + image.width * 3), to);
      }
    }
  }
  // sharp's own errors name neither the folder nor the cause.
  const bytes = await sharp(sheet, { raw: { width, height, channels: 3 } })
    .resize(width * zoom, height * zoom, { kernel: 'nearest' })
    .png()
    .toBuffer();
  writeAtomically(path, [bytes]);
}

/** Small square versions of a source's images; unreadable ones are black. */
export const thumbnails = (source: ImageSource, size: number): Pick<ImageDataset, 'size' | 'read'> => ({
  size,
  read: async (indices, target) => {
    for (let i = 0; i < indices.length; i++) {
      target.set(await thumbnail(source, indices[i] as number, size), i * imageBytes({ size }));
    }
  },
});

async function thumbnail(source: ImageSource, index: number, size: number): Promise<Uint8Array> {
  const location = source.locate(index);
  const pixels = new Uint8Array(imageBytes({ size }));
  const choose: Choose = (width, height) => ({ sampling: centreCrop(width, height, size, size), mirrored: false });
  const options = { size, box: location.box, native: loadNativeImages(), applyOrientation: false };
  try {
    await decodeInto(await readImage(location), choose, options, pixels);
    return pixels;
  } catch {
    return pixels.fill(0);
  }
}
