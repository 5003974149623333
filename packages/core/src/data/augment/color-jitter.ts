import type { RandomStream } from '../../system/random';
import { brightness, contrast, hue, saturation } from './color';
import type { Image } from './image';

/** Ranges as in torchvision's ColorJitter: the first three are factors 1 - x to 1 + x, hue shifts by -x to x of a circle. */
export interface ColorJitter {
  readonly brightness?: number;
  readonly contrast?: number;
  readonly saturation?: number;
  /** At most 0.5. */
  readonly hue?: number;
}

/** torchvision's ColorJitter: the given changes in a random order, each by a random amount. */
export function colorJitter(image: Image, amounts: ColorJitter, random: RandomStream): Image {
  const order = random.shuffle([0, 1, 2, 3]);
  const factor = (amount = 0): number => random.uniform(Math.max(0, 1 - amount), 1 + amount);
  const factors = {
    brightness: factor(amounts.brightness),
    contrast: factor(amounts.contrast),
    saturation: factor(amounts.saturation),
    hue: random.uniform(-(amounts.hue ?? 0), amounts.hue ?? 0),
  };
  let result = image;
  for (const which of order) {
    if (which === 0 && amounts.brightness) result = brightness(result, factors.brightness);
    if (which === 1 && amounts.contrast) result = contrast(result, factors.contrast);
    if (which === 2 && amounts.saturation) result = saturation(result, factors.saturation);
    if (which === 3 && amounts.hue) result = hue(result, factors.hue);
  }
  return result;
}
