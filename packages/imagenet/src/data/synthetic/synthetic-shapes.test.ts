import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeShapeClass, mostShapeClasses } from './shapes-renderer';
import { syntheticShapes } from './synthetic-shapes';

async function digest(options: Partial<Parameters<typeof syntheticShapes>[0]>): Promise<string> {
  const cacheFolder = await mkdtemp(join(tmpdir(), 'synthetic-shapes-'));
  try {
    const dataset = syntheticShapes({
      classes: 8,
      imagesPerClass: 3,
      size: 32,
      seed: 1,
      split: 'train',
      cacheFolder,
      ...options,
    });
    const images = new Uint8Array(dataset.labels.length * 32 * 32 * 3);
    await dataset.read(
      Array.from(dataset.labels, (_, i) => i),
      images,
    );
    await dataset.close();
    return createHash('sha256').update(images).digest('hex').slice(0, 16);
  } finally {
    await rm(cacheFolder, { recursive: true });
  }
}

test('a seed gives these very pictures, however many threads draw them', async () => {
  expect(await digest({ threads: 1 })).toBe('89d3909b20e8149a');
  expect(await digest({ threads: 3 })).toBe('89d3909b20e8149a');
});

test('train and test show different pictures of the same classes', async () => {
  expect(await digest({ split: 'test' })).not.toBe(await digest({ split: 'train' }));
  const { labels, classes } = syntheticShapes({ classes: 4, imagesPerClass: 2, seed: 1, split: 'test' });
  expect(Array.from(labels)).toEqual([0, 1, 2, 3, 0, 1, 2, 3]);
  expect(classes).toBe(4);
});

test('every class is an outline with a texture of its own', () => {
  const names = Array.from({ length: mostShapeClasses }, (_, label) => describeShapeClass(label));
  expect(new Set(names).size).toBe(100);
  expect(() => syntheticShapes({ classes: 101, imagesPerClass: 1, seed: 1, split: 'train' })).toThrow(
    'There are 2 to 100 classes of shapes, not 101',
  );
});
