import { cutAt, drawMix, type MixSettings } from './mix';

const off: MixSettings = { mixup: 0, cutmix: 0, mixProbability: 1, mixSwitchProbability: 0.5 };
const draw = (settings: Partial<MixSettings>, step: number, seed = 1) =>
  drawMix({ ...off, ...settings }, { seed, step, size: 32 });

test('a mix depends on seed and step; its share has the distribution Beta(alpha, alpha)', () => {
  expect(draw({ mixup: 0.2 }, 5)).toEqual(draw({ mixup: 0.2 }, 5));
  expect(draw({ mixup: 0.2 }, 5)).not.toEqual(draw({ mixup: 0.2 }, 6));
  expect(draw({ mixup: 0.2 }, 5)).not.toEqual(draw({ mixup: 0.2 }, 5, 2));
  for (const alpha of [0.2, 1, 4]) {
    const mixes = Array.from({ length: 4000 }, (_, step) => draw({ mixup: alpha }, step, 3));
    const shares = mixes.map(({ pixelShare }) => pixelShare);
    const mean = shares.reduce((sum, value) => sum + value, 0) / shares.length;
    const variance = shares.reduce((sum, value) => sum + (value - mean) ** 2, 0) / shares.length;
    expect(mean).toBeCloseTo(0.5, 1);
    expect(variance / (1 / (4 * (2 * alpha + 1)))).toBeCloseTo(1, 0);
    expect(mixes.map(({ labelShare }) => labelShare)).toEqual(shares);
    expect(new Set(mixes.flatMap(({ box }) => box))).toEqual(new Set([0]));
  }
});

test('batches get mixup and CutMix with their probabilities', () => {
  const mixes = Array.from({ length: 4000 }, (_, step) =>
    draw({ mixup: 1, cutmix: 1, mixProbability: 0.6, mixSwitchProbability: 0.25 }, step),
  );
  const share = (kind: (one: (typeof mixes)[number]) => boolean) => mixes.filter(kind).length / mixes.length;
  expect(share(({ labelShare }) => labelShare === 1)).toBeCloseTo(0.4, 1);
  expect(share(({ pixelShare }) => pixelShare < 1)).toBeCloseTo(0.6 * 0.75, 1);
  expect(share(({ box }) => box[2] > box[0])).toBeCloseTo(0.6 * 0.25, 1);
  for (let step = 0; step < 100; step++) {
    expect(draw({ cutmix: 1 }, step).pixelShare).toBe(1);
    expect(draw({ mixup: 1, cutmix: 1, mixSwitchProbability: 0 }, step).box).toEqual([0, 0, 0, 0]);
  }
});

// Expected: timm/data/mixup.py's rand_bbox and cutmix_bbox_and_lam with these centres.
test.each([
  [0.5, [16, 16], [5, 5, 27, 27], 1 - 484 / 1024],
  [0.5, [2, 30], [0, 19, 13, 32], 1 - 169 / 1024],
  [0.9, [31, 0], [26, 0, 32, 5], 1 - 30 / 1024],
  [0, [0, 0], [0, 0, 16, 16], 0.75],
  [1, [9, 9], [9, 9, 9, 9], 1],
] as const)(
  'pixel share %d, box centre %p: the label share is the area outside the box',
  (share, middle, box, labels) => {
    expect(cutAt(share, middle, { height: 32, width: 32 })).toEqual({ pixelShare: 1, labelShare: labels, box });
  },
);

// Expected: the same functions for a picture of 112 rows and 96 columns.
test.each([
  [0.5, [48, 56], [15, 17, 81, 95], 1 - (66 * 78) / (112 * 96)],
  [0.5, [0, 111], [0, 72, 33, 112], 1 - (33 * 40) / (112 * 96)],
  [0, [95, 0], [47, 0, 96, 56], 1 - (49 * 56) / (112 * 96)],
] as const)('pixel share %d, box centre %p of unequal sides', (share, middle, box, labelShare) => {
  expect(cutAt(share, middle, { height: 112, width: 96 })).toEqual({ pixelShare: 1, labelShare, box });
});

test('the centre of a box is anywhere in an image of unequal sides', () => {
  const boxes = Array.from({ length: 300 }, (_, step) => {
    return drawMix({ ...off, cutmix: 1 }, { seed: 1, step, size: '40x10' }).box;
  });
  expect(Math.max(...boxes.map(([, , right]) => right))).toBe(10);
  expect(Math.max(...boxes.map(([, , , bottom]) => bottom))).toBe(40);
});

test('boxes are within the image', () => {
  for (let step = 0; step < 200; step++) {
    const { box, labelShare } = draw({ cutmix: 1 }, step);
    const [left, top, right, bottom] = box;
    expect(left >= 0 && top >= 0 && right >= left && bottom >= top && right <= 32 && bottom <= 32).toBe(true);
    expect(labelShare).toBe(1 - ((right - left) * (bottom - top)) / 1024);
  }
});
