import sharp from 'sharp';
import type { ImageDataset } from '../data/dataset';

/**
 * Writes a PNG in which a person can look at images of a data set: rows of indices, images side by side, enlarged
 * `zoom` times (whole numbers keep pixels crisp).
 */
export async function contactSheet(
  dataset: ImageDataset,
  rows: readonly ArrayLike<number>[],
  path: string,
  zoom = 1,
): Promise<void> {
  const gap = 2;
  const { size } = dataset;
  const columns = Math.max(1, ...rows.map((row) => row.length));
  const width = columns * (size + gap) + gap;
  const height = rows.length * (size + gap) + gap;
  const sheet = new Uint8Array(width * height * 3).fill(255);
  for (const [r, row] of rows.entries()) {
    const images = new Uint8Array(row.length * size * size * 3);
    await dataset.read(row, images);
    for (let c = 0; c < row.length; c++) {
      for (let y = 0; y < size; y++) {
        const from = (c * size + y) * size * 3;
        const to = ((gap + r * (size + gap) + y) * width + gap + c * (size + gap)) * 3;
        sheet.set(images.subarray(from, from + size * 3), to);
      }
    }
  }
  await sharp(sheet, { raw: { width, height, channels: 3 } })
    .resize(width * zoom, height * zoom, { kernel: 'nearest' })
    .png()
    .toFile(path);
}
