import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { stream } from '@headshare/core/system/random';
import sharp from 'sharp';

export const pictureCache = join(resolve(__dirname, '../../../..'), '.cache/bench-pipeline');

/**
 * Writes `count` JPEGs of 500 x 375 (every fifth in portrait format) into 8 class folders, unless the folder exists. They
 * show slow waves, edges and grain; at quality 92 with 4:2:0 chroma their files are about as large as ImageNet's.
 */
export async function makePictures(folder: string, count: number): Promise<void> {
  if (existsSync(folder)) return;
  const partial = join(dirname(folder), `partial-${process.pid}`);
  for (let i = 0; i < count; i++) {
    const classFolder = join(partial, `class-${i % 8}`);
    mkdirSync(classFolder, { recursive: true });
    const [width, height] = i % 5 === 0 ? [375, 500] : [500, 375];
    await sharp(picture(i, width, height), { raw: { width, height, channels: 3 } })
      .jpeg({ quality: 92, chromaSubsampling: '4:2:0', mozjpeg: false })
      .toFile(join(classFolder, `${i}.jpg`));
  }
  rmSync(folder, { recursive: true, force: true });
  renameSync(partial, folder);
}

function picture(index: number, width: number, height: number): Uint8Array {
  const random = stream(5, 'picture', index);
  const values = new Float32Array(width * height * 3).fill(128);
  for (let channel = 0; channel < 3; channel++) {
    for (let wave = 0; wave < 5; wave++) {
      const [across, down] = [0.03 * random.normal(), 0.03 * random.normal()];
      const [strength, phase] = [random.uniform(10, 40), random.uniform(0, 2 * Math.PI)];
      for (let y = 0, at = channel; y < height; y++) {
        for (let x = 0; x < width; x++, at += 3) {
          values[at] = (values[at] as number) + strength * Math.sin(across * x + down * y + phase);
        }
      }
    }
  }
  for (let edge = 0; edge < 30; edge++) {
    const [left, top] = [random.below(width), random.below(height)];
    const [right, bottom] = [left + 8 + random.below(82), top + 8 + random.below(82)];
    const colour = [random.uniform(-70, 70), random.uniform(-70, 70), random.uniform(-70, 70)];
    for (let y = top; y < Math.min(height, bottom); y++) {
      for (let x = left; x < Math.min(width, right); x++) {
        for (let channel = 0; channel < 3; channel++) {
          const at = (y * width + x) * 3 + channel;
          values[at] = (values[at] as number) + (colour[channel] as number);
        }
      }
    }
  }
  return Uint8Array.from(values, (value) => Math.min(255, Math.max(0, value + 7 * random.normal())));
}
