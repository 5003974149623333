import type { RandomStream } from '../../system/random';
import { brightness, contrast, hue, saturation } from './color';
import type { Image } from './image';

/** As torchvision's ColorJitter: the first three multiply by 1 - x to 1 + x, hue turns by -x to x of a circle. */
export interface ColorJitter {
  readonly brightness?: number;
  readonly contrast?: number;
  readonly saturation?: number;
  /** At most 0.5. */
  readonly hue?: number;
}

/** torchvision's ColorJitter: the four in a random order, each by a random amount; what is left out is not done. */
export function colorJitter(image: Image, amounts: ColorJitter, random: RandomStream): Image {
  const order = random.shuffle([0, 1, 2, 3]);
  const factor = (amount = 0): number => random.uniform(Math.max(0, 1 - amount), 1 + amount);
  const factors = {
    brightness: factor(amounts.brightness),
    contrast: factor(amounts.contrast),
    saturation: factor(amounts.saturation),
    hue: random.uniform(-(amounts.hue ?? 0), amounts.hue ?? 0),
  };
  let seen = image;
  for (const which of order) {
    if (which === 0 && amounts.brightness) seen = brightness(seen, factors.brightness);
    if (which === 1 && amounts.contrast) seen = contrast(seen, factors.contrast);
    if (which === 2 && amounts.saturation) seen = saturation(seen, factors.saturation);
    if (which === 3 && amounts.hue) seen = hue(seen, factors.hue);
  }
  return seen;
}
