import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { proceduralShapes } from './procedural-shapes';
import { describeShapeClass, mostShapeClasses } from './shapes-renderer';

async function digest(options: Partial<Parameters<typeof proceduralShapes>[0]>): Promise<string> {
  const cacheFolder = await mkdtemp(join(tmpdir(), 'procedural-shapes-'));
  try {
    const dataset = proceduralShapes({
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
  const { labels, classes } = proceduralShapes({ classes: 4, imagesPerClass: 2, seed: 1, split: 'test' });
  expect(Array.from(labels)).toEqual([0, 1, 2, 3, 0, 1, 2, 3]);
  expect(classes).toBe(4);
});

test('every class is an outline with a texture of its own', () => {
  const names = Array.from({ length: mostShapeClasses }, (_, label) => describeShapeClass(label));
  expect(new Set(names).size).toBe(100);
  expect(() => proceduralShapes({ classes: 101, imagesPerClass: 1, seed: 1, split: 'train' })).toThrow(
    'There are 2 to 100 classes of shapes, not 101',
  );
});
