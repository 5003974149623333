import fc from 'fast-check';
import { roundHalfEven } from 'headshare-student/centre-crop';
import { bilinearWeights } from 'headshare-student/resampling';
import { stream } from '../../system/random';
import { centreCrop, randomCrop } from './transforms';

test('a random crop is within the picture and its ranges of area and ratio, up to rounding', () => {
  fc.assert(
    fc.property(fc.integer({ min: 100, max: 600 }), fc.integer({ min: 100, max: 600 }), fc.nat(), (w, h, seed) => {
      const [left, top, width, height] = randomCrop(w, h, { scale: [0.2, 0.6] }, stream(seed));
      expect(left >= 0 && top >= 0 && left + width <= w && top + height <= h).toBe(true);
      expect(width / height).toBeGreaterThan(0.72);
      expect(width / height).toBeLessThan(1.38);
      if (Math.max(w, h) / Math.min(w, h) < 1.2) {
        expect((width * height) / (w * h)).toBeGreaterThan(0.18);
        expect((width * height) / (w * h)).toBeLessThan(0.62);
      }
    }),
  );
});

test('after ten failed tries the crop is the centre, in the nearest ratio', () => {
  expect(randomCrop(1000, 10, {}, stream(1))).toEqual([493, 0, 13, 10]);
  expect(randomCrop(10, 1000, {}, stream(1))).toEqual([0, 493, 10, 13]);
  expect(randomCrop(1, 1, {}, stream(1))).toEqual([0, 0, 1, 1]);
});

test('the evaluation crop is rounded like in torchvision', () => {
  expect(centreCrop(500, 375, 256, 224)).toEqual({ box: [0, 0, 500, 375], width: 341, height: 256, x: 58, y: 16 });
  expect(centreCrop(375, 500, 256, 224)).toMatchObject({ width: 256, height: 341, x: 16, y: 58 });
  expect(centreCrop(500, 333, 235, 224)).toMatchObject({ width: 352, height: 235, x: 64, y: 6 });
  expect([0.5, 1.5, 2.5, 3.5, 2.4].map(roundHalfEven)).toEqual([0, 2, 2, 4, 2]);
});

test('the weights of a pixel add up to one; at the same size each pixel keeps its value', () => {
  const same = bilinearWeights(3, 3);
  expect(Array.from(same.subarray(0, 8))).toEqual([3, 3, 0, 1, 2, 2, 2, 1]);
  expect(Array.from(same.subarray(8))).toEqual([2 ** 22, 0, 0, 2 ** 22, 0, 0, 2 ** 22, 0, 0]);
  const halved = bilinearWeights(4, 2, 1, 1);
  expect(Array.from(halved.subarray(0, 4))).toEqual([1, 5, 1, 3]);
  expect(halved.subarray(4).reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(2 ** 22, -1);
});
