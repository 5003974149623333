import type { Image } from './image';

/** The source of each new pixel: x' = a x + b y + c, y' = d x + e y + f, between pixel centres. */
type Matrix = readonly [a: number, b: number, c: number, d: number, e: number, f: number];

/**
 * Pillow's Image.transform(AFFINE, NEAREST) with black outside, in 16-bit fixed point, for pictures of less than 32768
 * pixels a side.
 */
function affine({ pixels, width, height }: Image, [a, b, c, d, e, f]: Matrix): Image {
  const [a0, a1, a3, a4] = [fixed(a), fixed(b), fixed(d), fixed(e)];
  const result = new Uint8Array(pixels.length);
  let rowX = fixed(c + a * 0.5 + b * 0.5);
  let rowY = fixed(f + d * 0.5 + e * 0.5);
  for (let y = 0, to = 0; y < height; y++) {
    let fromX = rowX;
    let fromY = rowY;
    for (let x = 0; x < width; x++, to += 3) {
      const column = fromX >> 16;
      const row = fromY >> 16;
      if (column >= 0 && column < width && row >= 0 && row < height) {
        const from = (row * width + column) * 3;
        result[to] = pixels[from] as number;
        result[to + 1] = pixels[from + 1] as number;
        result[to + 2] = pixels[from + 2] as number;
      }
      fromX += a0;
      fromY += a3;
    }
    rowX += a1;
    rowY += a4;
  }
  return { pixels: result, width, height };
}

const fixed = (value: number): number => Math.floor(value * 65536 + 0.5);

/** Shears along x by the tangent `amount`; the top row stays. */
export const shearX = (image: Image, amount: number): Image => affine(image, [1, amount, 0, 0, 1, 0]);

export const shearY = (image: Image, amount: number): Image => affine(image, [1, 0, 0, amount, 1, 0]);

/** Moves to the right by whole pixels, truncated towards 0. */
export const translateX = (image: Image, by: number): Image => affine(image, [1, 0, -Math.trunc(by), 0, 1, 0]);

export const translateY = (image: Image, by: number): Image => affine(image, [1, 0, 0, 0, 1, -Math.trunc(by)]);

/** Image.rotate: rotates counter-clockwise about the centre. */
export function rotate(image: Image, degrees: number): Image {
  const around = ((degrees % 360) + 360) % 360;
  if (around === 0) return image;
  const angle = -(around * Math.PI) / 180;
  const cos = round15(Math.cos(angle));
  const sin = round15(Math.sin(angle));
  const [x, y] = [image.width / 2, image.height / 2];
  return affine(image, [cos, sin, cos * -x + sin * -y + x, -sin, cos, -sin * -x + cos * -y + y]);
}

const round15 = (value: number): number => Number(value.toFixed(15));
