import type { RandomStream } from '../../system/random';
import type { Image } from './image';
import { type BoxRange, randomSides } from './random-box';

/** Default of `scale`: 0.02 to 0.33; of `ratio` (height over width): 0.3 to 3.3. */
export interface ErasingOptions extends BoxRange {
  /** Default 0.5. */
  readonly probability?: number;
  /**
   * `random`: a uniform random byte for each value; or a colour, default ImageNet's mean. torchvision and timm erase after
   * normalisation, with 0 or normal random numbers: here, on bytes, the mean is rounded and random bytes are uniform.
   */
  readonly fill?: 'random' | readonly [number, number, number];
}

/** ImageNet's mean, 0.485, 0.456, 0.406, in bytes. */
const imagenetMean = [124, 116, 104] as const;

/** torchvision's RandomErasing (Zhong et al., 2020, arXiv 1708.04896): ten tries at a box smaller than the picture. */
export function erase(image: Image, options: ErasingOptions, random: RandomStream): Image {
  const { probability = 0.5, scale = [0.02, 0.33], ratio = [0.3, 3.3], fill = imagenetMean } = options;
  if (!random.chance(probability)) return image;
  const { width, height } = image;
  for (let attempt = 0; attempt < 10; attempt++) {
    const [h, w] = randomSides(width * height, { scale, ratio }, random);
    if (h >= height || w >= width) continue;
    const top = random.below(height - h + 1);
    const left = random.below(width - w + 1);
    // Not slice, which shares memory for a Buffer.
    const pixels = new Uint8Array(image.pixels);
    for (let y = top; y < top + h; y++) {
      for (let at = (y * width + left) * 3, end = at + w * 3; at < end; at++) {
        pixels[at] = fill === 'random' ? random.below(256) : (fill[at % 3] as number);
      }
    }
    return { pixels, width, height };
  }
  return image;
}
