import { type ImageDataset, imageBytes, imagesInMemory } from '../dataset';
import { augmented, mirror } from './augmented';

/** Images of 2 x 2; every byte of image i is i + 1. */
function numbers(count: number): ImageDataset {
  return {
    name: 'numbers',
    classes: 1,
    size: 2,
    labels: new Int32Array(count),
    fingerprint: 'numbers',
    read: async (indices, target) => {
      for (let i = 0; i < indices.length; i++) target.fill((indices[i] as number) + 1, i * 12, (i + 1) * 12);
    },
    close: async () => undefined,
  };
}

test('a crop shifts an image and fills the rest with black', async () => {
  const dataset = augmented(numbers(250), { crop: { pad: 1 } });
  const images = new Uint8Array(250 * imageBytes(dataset));
  await dataset.read(
    dataset.labels.map((_, i) => i),
    images,
    { seed: 1, epoch: 0 },
  );
  const patterns = new Set(
    Array.from({ length: 250 }, (_, i) =>
      Array.from(images.subarray(i * 12, i * 12 + 12), Math.sign)
        .filter((_, at) => at % 3 === 0)
        .join(''),
    ),
  );
  expect([...patterns].sort()).toEqual(['0001', '0010', '0011', '0100', '0101', '1000', '1010', '1100', '1111']);
});

test('evaluation reads images unchanged', async () => {
  const dataset = augmented(numbers(3), { crop: { pad: 2 } });
  const image = new Uint8Array(12);
  await dataset.read([2], image);
  expect(image).toEqual(new Uint8Array(12).fill(3));
});

test('without flips and crops the dataset is returned unchanged; a second augmentation is refused', () => {
  const plain = numbers(1);
  expect(augmented(plain, {})).toBe(plain);
  expect(augmented(plain, { crop: { pad: 0 } })).toBe(plain);
  expect(() => augmented(augmented(plain, { flip: true }), { flip: true })).toThrow(
    'numbers augments its images already',
  );
});

test('mirroring swaps columns and keeps channels', () => {
  const image = Uint8Array.from([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  mirror(image, { height: 2, width: 2 });
  expect(Array.from(image)).toEqual([4, 5, 6, 1, 2, 3, 10, 11, 12, 7, 8, 9]);
  mirror(image, { height: 1, width: 4 });
  expect(Array.from(image)).toEqual([7, 8, 9, 10, 11, 12, 1, 2, 3, 4, 5, 6]);
});

test('crops of unequal sides move each row by as much, black from outside', async () => {
  const [height, width, pad] = [3, 5, 2];
  const pixels = Uint8Array.from({ length: height * width * 3 }, (_, i) => i + 1);
  const dataset = imagesInMemory(
    { name: 'one', classes: 1, size: '3x5', labels: Int32Array.of(0), fingerprint: '' },
    pixels,
  );
  const cropped = augmented(dataset, { crop: { pad } });
  const moved = (right: number, down: number) =>
    Array.from({ length: height * width * 3 }, (_, i) => {
      const [x, y] = [(Math.floor(i / 3) % width) + right, Math.floor(i / (3 * width)) + down];
      const inside = x >= 0 && y >= 0 && x < width && y < height;
      return inside ? pixels[(y * width + x) * 3 + (i % 3)] : 0;
    }).join();
  const shifts = [-2, -1, 0, 1, 2].flatMap((right) => [-2, -1, 0, 1, 2].map((down) => moved(right, down)));
  const seen = new Set<string>();
  for (let epoch = 0; epoch < 200; epoch++) {
    const target = new Uint8Array(pixels.length);
    await cropped.read([0], target, { seed: 1, epoch });
    expect(shifts).toContain(target.join());
    seen.add(target.join());
  }
  expect(seen.size).toBeGreaterThan(20);
});
