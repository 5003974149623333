import type { RandomStream } from '../../system/random';
import { roundHalfEven } from '../augment/random-box';

/** A part of a picture, resized to `width` x `height`, of which the square of the output's size at (x, y) is shown. */
export interface Sampling {
  readonly box: Box;
  readonly width: number;
  readonly height: number;
  readonly x: number;
  readonly y: number;
}

export type Box = readonly [left: number, top: number, width: number, height: number];

export interface RandomCrop {
  /** Share of the picture's area, lowest and highest; default 0.08 to 1. */
  readonly scale?: readonly [number, number];
  /** Width over height, lowest and highest; default 3/4 to 4/3. */
  readonly ratio?: readonly [number, number];
}

/**
 * torchvision's RandomResizedCrop.get_params: ten tries at a box of random area and log-uniform ratio; where none fits,
 * the largest centred box of an allowed ratio.
 */
export function randomCrop(
  width: number,
  height: number,
  { scale = [0.08, 1], ratio = [3 / 4, 4 / 3] }: RandomCrop,
  random: RandomStream,
): Box {
  const area = width * height;
  for (let attempt = 0; attempt < 10; attempt++) {
    const wanted = area * random.uniform(...scale);
    const aspect = Math.exp(random.uniform(Math.log(ratio[0]), Math.log(ratio[1])));
    const w = roundHalfEven(Math.sqrt(wanted * aspect));
    const h = roundHalfEven(Math.sqrt(wanted / aspect));
    if (w > 0 && w <= width && h > 0 && h <= height) {
      const top = random.below(height - h + 1);
      return [random.below(width - w + 1), top, w, h];
    }
  }
  const whole = width / height;
  const w = whole > ratio[1] ? roundHalfEven(height * ratio[1]) : width;
  const h = whole < ratio[0] ? roundHalfEven(width / ratio[0]) : height;
  // Rounding may ask for a pixel more than there is.
  const [boxWidth, boxHeight] = [Math.min(w, width), Math.min(h, height)];
  return [Math.floor((width - boxWidth) / 2), Math.floor((height - boxHeight) / 2), boxWidth, boxHeight];
}

/** The whole of a box, stretched to size x size. */
export const stretched = (box: Box, size: number): Sampling => ({ box, width: size, height: size, x: 0, y: 0 });

/**
 * torchvision's Resize(resize), the shorter side being meant, and CenterCrop(size): the longer side is cut to a whole
 * number, the crop's corner rounded, halves to even. `resize` is not below `size`.
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
