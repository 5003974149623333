import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import type { ImageDataset } from '../data/dataset';
import { contactSheet } from './contact-sheet';

const greys: ImageDataset = {
  name: 'greys',
  classes: 1,
  size: 4,
  labels: new Int32Array(10),
  fingerprint: 'greys',
  read: async (indices, target) => {
    for (let i = 0; i < indices.length; i++) target.fill((indices[i] as number) * 10, i * 48, (i + 1) * 48);
  },
  close: async () => undefined,
};

test('rows of images are two pixels apart and enlarged pixel by pixel', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sheet-'));
  const path = join(folder, 'sheet.png');
  await contactSheet(greys, [[1, 2], [3]], path, 2);
  const { data, info } = await sharp(path).raw().toBuffer({ resolveWithObject: true });
  expect([info.width, info.height]).toEqual([28, 28]);
  const pixel = (x: number, y: number) => data[(y * 28 + x) * info.channels];
  expect([pixel(4, 4), pixel(11, 11), pixel(16, 4), pixel(4, 16)]).toEqual([10, 10, 20, 30]);
  expect([pixel(0, 0), pixel(13, 5), pixel(20, 20)]).toEqual([255, 255, 255]);
  await rm(folder, { recursive: true });
});
