import { type Image, lookedUp, mapped, table } from './image';

const { fround } = Math;

/**
 * Pillow's Image.blend of two bytes: `from` at factor 0, `to` at 1, beyond them outside; cut to a whole number, in
 * single precision as there.
 */
function blend(from: number, to: number, factor: number): number {
  const value = fround(from + fround(factor * (to - from)));
  return value <= 0 ? 0 : value >= 255 ? 255 : Math.trunc(value);
}

/** Pillow's L of RGB (ITU-R 601-2, 16-bit fixed point). */
export function luma(red: number, green: number, blue: number): number {
  return (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16;
}

/** Multiplies by `factor` (0: black, 1: unchanged), as ImageEnhance.Brightness. */
export function brightness(image: Image, factor: number): Image {
  const f = fround(factor);
  const values = table((byte) => blend(0, byte, f));
  return lookedUp(image, [values, values, values]);
}

/** Moves away from (factor above 1) or towards the mean grey, rounded, as ImageEnhance.Contrast. */
export function contrast(image: Image, factor: number): Image {
  const { pixels } = image;
  let sum = 0;
  for (let at = 0; at < pixels.length; at += 3) sum += lumaAt(pixels, at);
  const mean = Math.trunc(sum / (pixels.length / 3) + 0.5);
  const f = fround(factor);
  const values = table((byte) => blend(mean, byte, f));
  return lookedUp(image, [values, values, values]);
}

/** Moves away from (factor above 1) or towards each pixel's grey, as ImageEnhance.Color. */
export function saturation(image: Image, factor: number): Image {
  const { pixels } = image;
  const f = fround(factor);
  return mapped(image, (at) => blend(lumaAt(pixels, at - (at % 3)), pixels[at] as number, f));
}

/** Moves away from (factor above 1) or towards a smoothed picture, as ImageEnhance.Sharpness. */
export function sharpness(image: Image, factor: number): Image {
  const { pixels } = image;
  const smooth = smoothed(image).pixels;
  const f = fround(factor);
  return mapped(image, (at) => blend(smooth[at] as number, pixels[at] as number, f));
}

/** Pillow's ImageFilter.SMOOTH: 3 x 3 ones with 5 in the middle over 13; the border stays. */
function smoothed(image: Image): Image {
  const { pixels, width, height } = image;
  // Not slice, which shares memory where it is a Buffer.
  const result = new Uint8Array(pixels);
  const row = width * 3;
  for (let y = 1; y < height - 1; y++) {
    for (let at = y * row + 3; at < (y + 1) * row - 3; at++) {
      let sum = 4 * (pixels[at] as number);
      for (let down = -row; down <= row; down += row) {
        sum += (pixels[at + down - 3] as number) + (pixels[at + down] as number) + (pixels[at + down + 3] as number);
      }
      result[at] = Math.trunc(sum / 13 + 0.5);
    }
  }
  return { ...image, pixels: result };
}

/**
 * Turns the hue by `turn` of a circle, -0.5 to 0.5, as torchvision does it for pictures of Pillow: through HSV of bytes.
 */
export function hue(image: Image, turn: number): Image {
  const { pixels } = image;
  const result = new Uint8Array(pixels.length);
  const shift = Math.trunc(turn * 255) & 255;
  for (let at = 0; at < pixels.length; at += 3) {
    const [h, s, v] = toHsv(pixels[at] as number, pixels[at + 1] as number, pixels[at + 2] as number);
    fromHsv((h + shift) & 255, s, v, result, at);
  }
  return { ...image, pixels: result };
}

function toHsv(r: number, g: number, b: number): readonly [number, number, number] {
  const most = Math.max(r, g, b);
  const least = Math.min(r, g, b);
  if (most === least) return [0, 0, most];
  const range = most - least;
  const [rc, gc, bc] = [fround((most - r) / range), fround((most - g) / range), fround((most - b) / range)];
  const h = fround(r === most ? bc - gc : g === most ? 2 + rc - bc : 4 + gc - rc);
  const around = fround((h / 6 + 1) % 1);
  return [Math.trunc(around * 255), Math.trunc(fround(range / most) * 255), most];
}

function fromHsv(h: number, s: number, v: number, target: Uint8Array, at: number): void {
  const sixth = fround((h * 6) / 255);
  const sector = Math.floor(sixth);
  const rest = fround(sixth - sector);
  const fs = fround(s / 255);
  const p = Math.round(v * (1 - fs));
  const q = Math.round(v * (1 - fs * rest));
  const t = Math.round(v * (1 - fs * (1 - rest)));
  const [red, green, blue] = [
    [v, t, p],
    [q, v, p],
    [p, v, t],
    [p, q, v],
    [t, p, v],
    [v, p, q],
  ][sector % 6] as [number, number, number];
  target[at] = red;
  target[at + 1] = green;
  target[at + 2] = blue;
}

function lumaAt(pixels: Uint8Array, at: number): number {
  return luma(pixels[at] as number, pixels[at + 1] as number, pixels[at + 2] as number);
}
