import type { RandomStream } from '../../system/random';
import { rotate, shearX, shearY, translateX, translateY } from './affine';
import { autoContrast, brightness, contrast, equalize, posterize, saturation, sharpness, solarize } from './color';
import type { Image } from './image';

export interface RandAugment {
  /** Number of operations; default 2. */
  readonly operations?: number;
  /** Strength, 0 to 30; default 9. */
  readonly magnitude?: number;
}

interface Operation {
  /** The operation's strength for a magnitude, given as a share of the greatest. */
  readonly strength: (share: number, image: Image) => number;
  /** Negates the strength with probability 1/2. */
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
 * The operations of torchvision's RandAugment: magnitudes in 31 steps, nearest pixel, black outside. Colour operations
 * take 1 + strength, so that 0 changes nothing.
 */
export const operations: Readonly<Record<string, Operation>> = {
  Identity: { strength: none, apply: (image) => image },
  // torchvision passes the shear as the degrees of its arc tangent: the tangent comes out again.
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

/** RandAugment (Cubuk et al., 2020, arXiv 1909.13719) as torchvision implements it. */
export function randAugment(
  image: Image,
  { operations: count = 2, magnitude = 9 }: RandAugment,
  random: RandomStream,
): Image {
  let result = image;
  for (let i = 0; i < count; i++) {
    const { strength, signed, apply } = operations[names[random.below(names.length)] as string] as Operation;
    const amount = strength(magnitude / (bins - 1), result);
    // Unsigned operations draw it too, so that an operation does not change the random numbers of the next.
    const negative = random.chance(0.5) && signed === true;
    result = apply(result, negative ? -amount : amount);
  }
  return result;
}
