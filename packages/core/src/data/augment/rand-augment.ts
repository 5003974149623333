import type { RandomStream } from '../../system/random';
import { rotate, shearX, shearY, translateX, translateY } from './affine';
import { brightness, contrast, saturation, sharpness } from './color';
import type { Image } from './image';
import { autoContrast, equalize, posterize, solarize } from './tone';

export interface RandAugment {
  /** How many operations, one after another; default 2. */
  readonly operations?: number;
  /** How strong, 0 to 30; default 9. */
  readonly magnitude?: number;
}

interface Operation {
  /** What the magnitude, as a share of the greatest, means to the operation. */
  readonly strength: (share: number, image: Image) => number;
  /** Half of the time it is meant the other way. */
  readonly signed?: boolean;
  readonly apply: (image: Image, strength: number) => Image;
}

const bins = 31;
const upTo =
  (most: number) =>
  (share: number): number =>
    share * most;
const none = (): number => 0;

/**
 * torchvision's RandAugment: operations, magnitudes in 31 steps, nearest pixel, black where nothing is. Colour operations
 * take 1 + strength, so that 0 leaves the picture alone.
 */
export const operations: Readonly<Record<string, Operation>> = {
  Identity: { strength: none, apply: (image) => image },
  // torchvision hands the shear on as degrees of its arc tangent: the tangent comes out again.
  ShearX: { strength: upTo(0.3), signed: true, apply: shearX },
  ShearY: { strength: upTo(0.3), signed: true, apply: shearY },
  TranslateX: { strength: (share, { width }) => share * (150 / 331) * width, signed: true, apply: translateX },
  TranslateY: { strength: (share, { height }) => share * (150 / 331) * height, signed: true, apply: translateY },
  Rotate: { strength: upTo(30), signed: true, apply: rotate },
  Brightness: { strength: upTo(0.9), signed: true, apply: (image, by) => brightness(image, 1 + by) },
  Color: { strength: upTo(0.9), signed: true, apply: (image, by) => saturation(image, 1 + by) },
  Contrast: { strength: upTo(0.9), signed: true, apply: (image, by) => contrast(image, 1 + by) },
  Sharpness: { strength: upTo(0.9), signed: true, apply: (image, by) => sharpness(image, 1 + by) },
  Posterize: { strength: (share) => 8 - Math.round((share * (bins - 1)) / ((bins - 1) / 4)), apply: posterize },
  Solarize: { strength: (share) => 255 * (1 - share), apply: solarize },
  AutoContrast: { strength: none, apply: autoContrast },
  Equalize: { strength: none, apply: equalize },
};

const names = Object.keys(operations);

/** Cubuk et al., 2020 (arXiv 1909.13719), in torchvision's reading. */
export function randAugment(
  image: Image,
  { operations: count = 2, magnitude = 9 }: RandAugment,
  random: RandomStream,
): Image {
  let seen = image;
  for (let i = 0; i < count; i++) {
    const { strength, signed, apply } = operations[names[random.below(names.length)] as string] as Operation;
    const amount = strength(magnitude / (bins - 1), seen);
    // Drawn whether it is needed or not, so that an operation does not change what follows.
    const negative = random.chance(0.5) && signed === true;
    seen = apply(seen, negative ? -amount : amount);
  }
  return seen;
}
