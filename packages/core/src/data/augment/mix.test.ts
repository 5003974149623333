import { cutmix, mixImages, mixLabels, mixup } from './mix';

test('mixup is a matter of seed and step; lambda is Beta(alpha, alpha)', () => {
  expect(mixup(1, 5, 4, 0.2)).toEqual(mixup(1, 5, 4, 0.2));
  expect(mixup(1, 5, 4, 0.2)).not.toEqual(mixup(1, 6, 4, 0.2));
  expect(Array.from(mixup(1, 5, 4, 0.2).partner)).toEqual([3, 2, 1, 0]);
  for (const alpha of [0.2, 1, 4]) {
    const drawn = Array.from({ length: 4000 }, (_, step) => mixup(3, step, 2, alpha).lambda);
    const mean = drawn.reduce((sum, value) => sum + value, 0) / drawn.length;
    const variance = drawn.reduce((sum, value) => sum + (value - mean) ** 2, 0) / drawn.length;
    expect(mean).toBeCloseTo(0.5, 1);
    expect(variance / (1 / (4 * (2 * alpha + 1)))).toBeCloseTo(1, 0);
  }
});

test('bytes are averaged to the nearest, halves to even, and so are labels', () => {
  const images = Uint8Array.of(0, 10, 255, 1, 13, 0);
  const mix = { partner: Int32Array.of(1, 0), lambda: 0.5 };
  expect(Array.from(mixImages(images, 1, mix))).toEqual([0, 12, 128, 0, 12, 128]);
  const labels = mixLabels(Int32Array.of(0, 2), 3, { ...mix, lambda: 0.75 });
  expect(Array.from(labels)).toEqual([0.75, 0, 0.25, 0.25, 0, 0.75]);
  expect(Array.from(mixLabels(Int32Array.of(1, 1), 2, mix))).toEqual([0, 1, 0, 1]);
});

test('CutMix takes a box from the partner, and lambda is what is left', () => {
  const images = new Uint8Array(2 * 12).fill(7, 12);
  const mix = { partner: Int32Array.of(1, 0), lambda: 0.5, box: [1, 0, 1, 2] as const };
  const mixed = mixImages(images, 2, mix);
  expect(Array.from(mixed.subarray(0, 12))).toEqual([0, 0, 0, 7, 7, 7, 0, 0, 0, 7, 7, 7]);
  expect(Array.from(mixed.subarray(12))).toEqual([7, 7, 7, 0, 0, 0, 7, 7, 7, 0, 0, 0]);
  for (let step = 0; step < 50; step++) {
    const { lambda, box } = cutmix(1, step, 8, 1, 32);
    const [left, top, width, height] = box ?? [0, 0, -1, -1];
    expect(left >= 0 && top >= 0 && left + width <= 32 && top + height <= 32).toBe(true);
    expect(lambda).toBe(1 - (width * height) / 1024);
  }
});
