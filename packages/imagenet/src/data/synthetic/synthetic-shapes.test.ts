import { renderedImages, shortDigest } from '@headshare/core/test/rendered-images';
import { mostShapeClasses, partsOf } from './shapes-renderer';
import { syntheticShapes } from './synthetic-shapes';

const digest = async (options: Partial<Parameters<typeof syntheticShapes>[0]>): Promise<string> =>
  shortDigest(
    await renderedImages((cacheFolder) =>
      syntheticShapes({ classes: 8, imagesPerClass: 3, size: 32, seed: 1, split: 'train', cacheFolder, ...options }),
    ),
  );

test('the images depend on the seed and not on the number of threads', async () => {
  expect(await digest({ threads: 1 })).toBe('89d3909b20e8149a');
  expect(await digest({ threads: 3 })).toBe('89d3909b20e8149a');
});

test('train and test have different images of the same classes', async () => {
  expect(await digest({ split: 'test' })).not.toBe(await digest({ split: 'train' }));
  const { labels, classes } = syntheticShapes({ classes: 4, imagesPerClass: 2, seed: 1, split: 'test' });
  expect(Array.from(labels)).toEqual([0, 1, 2, 3, 0, 1, 2, 3]);
  expect(classes).toBe(4);
});

test('every class is a different combination of an outline and a texture', () => {
  const names = Array.from({ length: mostShapeClasses }, (_, label) => JSON.stringify(partsOf(label)));
  expect(new Set(names).size).toBe(100);
  expect(() => syntheticShapes({ classes: 101, imagesPerClass: 1, seed: 1, split: 'train' })).toThrow(
    'There are 2 to 100 classes of shapes, not 101',
  );
});
