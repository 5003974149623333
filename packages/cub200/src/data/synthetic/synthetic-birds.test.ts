import { renderedImages, shortDigest } from '@headshare/core/test/rendered-images';
import { type Species, speciesOf } from './species';
import { syntheticBirds } from './synthetic-birds';

const digest = async (options: Partial<Parameters<typeof syntheticBirds>[0]>): Promise<string> =>
  shortDigest(
    await renderedImages((cacheFolder) =>
      syntheticBirds({ classes: 8, imagesPerClass: 3, size: 32, seed: 1, split: 'train', cacheFolder, ...options }),
    ),
  );

test('the images depend on the seed and not on the number of threads', async () => {
  expect(await digest({ threads: 1 })).toBe('c3095e4ea212e446');
  expect(await digest({ threads: 3 })).toBe('c3095e4ea212e446');
});

test('train and test have different images of the same classes', async () => {
  expect(await digest({ split: 'test' })).not.toBe(await digest({ split: 'train' }));
  const { labels, classes } = syntheticBirds({ classes: 4, imagesPerClass: 2, seed: 1, split: 'test' });
  expect(Array.from(labels)).toEqual([0, 1, 2, 3, 0, 1, 2, 3]);
  expect(classes).toBe(4);
});

test('four species at a time share a palette and differ in a few parts', () => {
  const all = Array.from({ length: 40 }, (_, label) => speciesOf(0, label));
  expect(new Set(all.map((species) => JSON.stringify(species))).size).toBe(40);
  for (const [label, species] of all.entries()) {
    const first = all[label - (label % 4)] as Species;
    const changed = Object.keys(species).filter(
      (part) => species[part as keyof Species] !== first[part as keyof Species],
    );
    expect(changed.length).toBeLessThanOrEqual(3);
    expect(changed).not.toContain('palette');
  }
});
