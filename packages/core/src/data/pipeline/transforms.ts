import { roundHalfEven, centreCrop as studentCrop } from 'headshare-student/centre-crop';
import { type ImageSize, sides } from '../../system/image-size';
import type { RandomStream } from '../../system/random';
import { type ColorJitter, colorJitter } from '../augment/color';
import { type ErasingOptions, erase } from '../augment/erasing';
import type { Image } from '../augment/image';
import { type RandAugment, randAugment } from '../augment/rand-augment';
import { type BoxRange, randomSides } from '../augment/random-box';
import type { Box } from '../sources/image-source';

/** The random transforms of training images, applied in this order. */
export interface TrainTransform {
  /** RandomResizedCrop; default: scale 0.08 to 1, ratio 3/4 to 4/3. */
  readonly crop?: BoxRange;
  /** Mirrors with probability 1/2; default true. */
  readonly flip?: boolean;
  /** Default: none, like the transforms below. */
  readonly randAugment?: RandAugment;
  readonly colorJitter?: ColorJitter;
  readonly erasing?: ErasingOptions;
}

/** The transform of evaluation images: resizes them until they just cover `resize`, keeping their ratio, and crops the centre. */
export interface TestTransform {
  /** At least the size of the crop; for a square, the new length of the shorter side. */
  readonly resize: ImageSize;
}

/** The transforms that follow crop and flip. */
export function transformed(image: Image, transform: TrainTransform, random: RandomStream): Image {
  let result = image;
  if (transform.randAugment) result = randAugment(result, transform.randAugment, random);
  if (transform.colorJitter) result = colorJitter(result, transform.colorJitter, random);
  if (transform.erasing) result = erase(result, transform.erasing, random);
  return result;
}

/** Resizes `box` of a picture to `width` x `height`; the output is a part of it whose corner is (x, y). */
export interface Sampling {
  readonly box: Box;
  readonly width: number;
  readonly height: number;
  readonly x: number;
  readonly y: number;
}

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

/** A whole box, stretched to this size. */
export const stretched = (box: Box, size: ImageSize): Sampling => ({ box, ...sides(size), x: 0, y: 0 });

/**
 * torchvision's Resize(resize), which sets the shorter side, and CenterCrop(size). For a `resize` of two sides the picture
 * becomes as small as covers both. `resize` is at least `size`.
 */
export function centreCrop(width: number, height: number, resize: ImageSize, size: ImageSize): Sampling {
  return { box: [0, 0, width, height], ...studentCrop({ width, height }, sides(resize), sides(size)) };
}
