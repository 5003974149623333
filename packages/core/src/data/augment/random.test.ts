import { stream } from '../../system/random';
import { brightness, colorJitter } from './color';
import { erase } from './erasing';
import type { Image } from './image';
import { randAugment } from './rand-augment';

const image: Image = { width: 8, height: 6, pixels: Uint8Array.from({ length: 144 }, (_, i) => (i * 37) % 200) };

test('each result depends on the random numbers; the given image is unchanged', () => {
  const before = image.pixels.slice();
  const all = (seed: number) => [
    colorJitter(image, { brightness: 0.5, contrast: 0.5, saturation: 0.5, hue: 0.5 }, stream(seed)),
    randAugment(image, { operations: 3, magnitude: 20 }, stream(seed)),
    erase(image, { probability: 1, fill: 'random' }, stream(seed)),
  ];
  expect(all(1)).toEqual(all(1));
  for (const [i, one] of all(1).entries()) expect(one).not.toEqual(all(2)[i]);
  expect(image.pixels).toEqual(before);
});

test('jitter changes the image by an amount within its range', () => {
  for (let seed = 0; seed < 20; seed++) {
    const jittered = colorJitter(image, { brightness: 0.4 }, stream(seed));
    const least = brightness(image, 0.6).pixels;
    const most = brightness(image, 1.4).pixels;
    expect(jittered.pixels.every((byte, i) => byte >= (least[i] as number) && byte <= (most[i] as number))).toBe(true);
  }
  expect(colorJitter(image, {}, stream(1)).pixels).toEqual(image.pixels);
});

test('erasing fills a box of the right area with the given probability', () => {
  const black: Image = { width: 40, height: 40, pixels: new Uint8Array(4800) };
  let erased = 0;
  for (let seed = 0; seed < 200; seed++) {
    const { pixels } = erase(black, { probability: 0.25 }, stream(seed));
    const count = pixels.reduce((sum, byte, i) => sum + (i % 3 === 0 && byte === 124 ? 1 : 0), 0);
    if (count === 0) continue;
    erased++;
    expect(count / 1600).toBeGreaterThan(0.015);
    expect(count / 1600).toBeLessThan(0.36);
    const first = pixels.indexOf(124);
    expect(Array.from(pixels.subarray(first, first + 3))).toEqual([124, 116, 104]);
  }
  expect(erased).toBeGreaterThan(30);
  expect(erased).toBeLessThan(70);
});
