import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Species, speciesOf } from './species';
import { syntheticBirds } from './synthetic-birds';

async function digest(options: Partial<Parameters<typeof syntheticBirds>[0]>): Promise<string> {
  const cacheFolder = await mkdtemp(join(tmpdir(), 'synthetic-birds-'));
  try {
    const dataset = syntheticBirds({
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
  expect(await digest({ threads: 1 })).toBe('c3095e4ea212e446');
  expect(await digest({ threads: 3 })).toBe('c3095e4ea212e446');
});

test('train and test show different pictures of the same classes', async () => {
  expect(await digest({ split: 'test' })).not.toBe(await digest({ split: 'train' }));
  const { labels, classes } = syntheticBirds({ classes: 4, imagesPerClass: 2, seed: 1, split: 'test' });
  expect(Array.from(labels)).toEqual([0, 1, 2, 3, 0, 1, 2, 3]);
  expect(classes).toBe(4);
});

test('kinds come in families of four that share a palette and differ in a few parts', () => {
  const kinds = Array.from({ length: 40 }, (_, label) => speciesOf(0, label));
  expect(new Set(kinds.map((kind) => JSON.stringify(kind))).size).toBe(40);
  for (const [label, kind] of kinds.entries()) {
    const first = kinds[label - (label % 4)] as Species;
    const changed = Object.keys(kind).filter((part) => kind[part as keyof Species] !== first[part as keyof Species]);
    expect(changed.length).toBeLessThanOrEqual(3);
    expect(changed).not.toContain('palette');
  }
});
