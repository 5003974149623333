import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ImageDataset, imageBytes } from '../src/data/dataset';

/** All images of a synthetic data set, rendered into an empty cache folder. */
export async function renderedImages(make: (cacheFolder: string) => ImageDataset): Promise<Uint8Array> {
  const cacheFolder = await mkdtemp(join(tmpdir(), 'rendered-images-'));
  const dataset = make(cacheFolder);
  try {
    const images = new Uint8Array(dataset.labels.length * imageBytes(dataset));
    await dataset.read(Array.from(dataset.labels.keys()), images);
    return images;
  } finally {
    await dataset.close();
    await rm(cacheFolder, { recursive: true });
  }
}

/** 16 hexadecimal digits of the SHA-256. */
export const shortDigest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex').slice(0, 16);
