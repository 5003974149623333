import type { RandomStream } from '../../system/random';
import type { Image } from './image';
import { roundHalfEven } from './random-box';

export interface ErasingOptions {
  /** Default 0.5. */
  readonly probability?: number;
  /** Share of the area; default 0.02 to 0.33. */
  readonly scale?: readonly [number, number];
  /** Height over width; default 0.3 to 3.3. */
  readonly ratio?: readonly [number, number];
  /**
   * `random`: every byte of its own, uniform; or a colour, by default ImageNet's mean. torchvision and timm erase after
   * normalising, where 0 is the mean and pixels are normal: on bytes the mean colour is rounded, and pixels are uniform.
   */
  readonly fill?: 'random' | readonly [number, number, number];
}

/** ImageNet's mean, 0.485, 0.456, 0.406, in bytes. */
const imagenetMean = [124, 116, 104] as const;

/** torchvision's RandomErasing (Zhong et al., 2020, arXiv 1708.04896): ten tries at a box that is smaller than the picture. */
export function erase(image: Image, options: ErasingOptions, random: RandomStream): Image {
  const { probability = 0.5, scale = [0.02, 0.33], ratio = [0.3, 3.3], fill = imagenetMean } = options;
  if (!random.chance(probability)) return image;
  const { width, height } = image;
  for (let attempt = 0; attempt < 10; attempt++) {
    const area = width * height * random.uniform(...scale);
    const aspect = Math.exp(random.uniform(Math.log(ratio[0]), Math.log(ratio[1])));
    const h = roundHalfEven(Math.sqrt(area * aspect));
    const w = roundHalfEven(Math.sqrt(area / aspect));
    if (h >= height || w >= width) continue;
    const top = random.below(height - h + 1);
    const left = random.below(width - w + 1);
    return filled(image, [left, top, w, h], fill === 'random' ? () => random.below(256) : (c) => fill[c] as number);
  }
  return image;
}

function filled(
  { pixels, width, height }: Image,
  [left, top, boxWidth, boxHeight]: readonly [number, number, number, number],
  value: (channel: number) => number,
): Image {
  // Not slice, which shares memory where it is a Buffer.
  const result = new Uint8Array(pixels);
  for (let y = top; y < top + boxHeight; y++) {
    for (let x = left; x < left + boxWidth; x++) {
      for (let channel = 0; channel < 3; channel++) result[(y * width + x) * 3 + channel] = value(channel);
    }
  }
  return { pixels: result, width, height };
}
