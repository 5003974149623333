import type { RandomStream } from '../../system/random';
import { type BoxRange, randomSides, roundHalfEven } from '../augment/random-box';

/** Resizes `box` of a picture to `width` x `height`; the output is a square of it whose corner is (x, y). */
export interface Sampling {
  readonly box: Box;
  readonly width: number;
  readonly height: number;
  readonly x: number;
  readonly y: number;
}

export type Box = readonly [left: number, top: number, width: number, height: number];

/**
 * torchvision's RandomResizedCrop.get_params: ten tries at a box of random area and log-uniform ratio; if none fits, the
 * largest centred box of an allowed ratio.
 * @param range `scale`: default 0.08 to 1; `ratio` (width over height): default 3/4 to 4/3
 */
export function randomCrop(
  width: number,
  height: number,
  { scale = [0.08, 1], ratio = [3 / 4, 4 / 3] }: BoxRange,
  random: RandomStream,
): Box {
  for (let attempt = 0; attempt < 10; attempt++) {
    const [w, h] = randomSides(width * height, { scale, ratio }, random);
    if (w > 0 && w <= width && h > 0 && h <= height) {
      const top = random.below(height - h + 1);
      return [random.below(width - w + 1), top, w, h];
    }
  }
  const whole = width / height;
  // Rounding may give a pixel more than the picture has.
  const w = Math.min(width, whole > ratio[1] ? roundHalfEven(height * ratio[1]) : width);
  const h = Math.min(height, whole < ratio[0] ? roundHalfEven(width / ratio[0]) : height);
  return [Math.floor((width - w) / 2), Math.floor((height - h) / 2), w, h];
}

/** A whole box, stretched to size x size. */
export const stretched = (box: Box, size: number): Sampling => ({ box, width: size, height: size, x: 0, y: 0 });

/**
 * torchvision's Resize(resize), which sets the shorter side, and CenterCrop(size): the longer side is truncated, the
 * crop's corner rounded, halves to even. `resize` is at least `size`.
 */
export function centreCrop(width: number, height: number, resize: number, size: number): Sampling {
  const [w, h] =
    width <= height ? [resize, Math.trunc((resize * height) / width)] : [Math.trunc((resize * width) / height), resize];
  return {
    box: [0, 0, width, height],
    width: w,
    height: h,
    x: roundHalfEven((w - size) / 2),
    y: roundHalfEven((h - size) / 2),
  };
}
