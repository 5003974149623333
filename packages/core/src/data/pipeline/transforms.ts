import type { RandomStream } from '../../system/random';
import { type ColorJitter, colorJitter } from '../augment/color-jitter';
import { type ErasingOptions, erase } from '../augment/erasing';
import type { Image } from '../augment/image';
import { type RandAugment, randAugment } from '../augment/rand-augment';
import type { BoxRange } from '../augment/random-box';

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

/** The transform of evaluation images: resizes the shorter side to `resize` and crops the centre. */
export interface TestTransform {
  /** At least the size of the crop. */
  readonly resize: number;
}

/** The transforms that follow crop and flip. */
export function transformed(image: Image, transform: TrainTransform, random: RandomStream): Image {
  let result = image;
  if (transform.randAugment) result = randAugment(result, transform.randAugment, random);
  if (transform.colorJitter) result = colorJitter(result, transform.colorJitter, random);
  if (transform.erasing) result = erase(result, transform.erasing, random);
  return result;
}
