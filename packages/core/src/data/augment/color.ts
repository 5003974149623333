import type { RandomStream } from '../../system/random';
import { type Image, lookedUp, mapped, table } from './image';

const { fround } = Math;

/** Pillow's Image.blend of two bytes, in single precision, truncated: `from` at factor 0, `to` at 1, extrapolated beyond. */
function blend(from: number, to: number, factor: number): number {
  const value = fround(from + fround(factor * (to - from)));
  return value <= 0 ? 0 : value >= 255 ? 255 : Math.trunc(value);
}

/** ImageEnhance.Brightness: multiplies by `factor` (0: black, 1: unchanged). */
export function brightness(image: Image, factor: number): Image {
  const f = fround(factor);
  return lookedUp(
    image,
    table((byte) => blend(0, byte, f)),
  );
}

/** ImageEnhance.Contrast: moves pixels away from (factor above 1) or towards the rounded mean grey. */
export function contrast(image: Image, factor: number): Image {
  const { pixels } = image;
  let sum = 0;
  for (let at = 0; at < pixels.length; at += 3) sum += lumaAt(pixels, at);
  const mean = Math.trunc(sum / (pixels.length / 3) + 0.5);
  const f = fround(factor);
  return lookedUp(
    image,
    table((byte) => blend(mean, byte, f)),
  );
}

/** ImageEnhance.Color: moves pixels away from (factor above 1) or towards their grey. */
export function saturation(image: Image, factor: number): Image {
  const { pixels } = image;
  const f = fround(factor);
  return mapped(image, (at) => blend(lumaAt(pixels, at - (at % 3)), pixels[at] as number, f));
}

/** ImageEnhance.Sharpness: moves pixels away from (factor above 1) or towards a smoothed picture. */
export function sharpness(image: Image, factor: number): Image {
  const { pixels } = image;
  const smooth = smoothed(image).pixels;
  const f = fround(factor);
  return mapped(image, (at) => blend(smooth[at] as number, pixels[at] as number, f));
}

/** Pillow's ImageFilter.SMOOTH: a 3 x 3 kernel of ones with 5 in the centre, over 13; the border is unchanged. */
function smoothed(image: Image): Image {
  const { pixels, width, height } = image;
  // Not slice, which shares memory for a Buffer.
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

/** torchvision's adjust_hue for Pillow images: shifts the hue by `turn` of a circle (-0.5 to 0.5), in HSV bytes. */
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

/** Pillow's L of the RGB pixel at `at` (ITU-R 601-2, 16-bit fixed point). */
function lumaAt(pixels: Uint8Array, at: number): number {
  const [red, green, blue] = [pixels[at] as number, pixels[at + 1] as number, pixels[at + 2] as number];
  return (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16;
}

/** ImageOps.posterize: keeps the upper `bits` of each byte. */
export function posterize(image: Image, bits: number): Image {
  const mask = 0xff & ~(2 ** (8 - bits) - 1);
  return lookedUp(
    image,
    table((byte) => byte & mask),
  );
}

/** ImageOps.solarize: inverts bytes from `threshold` on. */
export function solarize(image: Image, threshold: number): Image {
  return lookedUp(
    image,
    table((byte) => (byte < threshold ? byte : 255 - byte)),
  );
}

/** ImageOps.autocontrast: stretches each channel to 0..255. */
export function autoContrast(image: Image): Image {
  return lookedUp(image, perChannel(image, stretch));
}

/** ImageOps.equalize: makes the values of each channel equally frequent. */
export function equalize(image: Image): Image {
  return lookedUp(image, perChannel(image, flatten));
}

function perChannel({ pixels }: Image, make: (counts: Uint32Array) => Uint8Array) {
  const tableOf = (channel: number): Uint8Array => {
    const counts = new Uint32Array(256);
    for (let at = channel; at < pixels.length; at += 3) {
      const byte = pixels[at] as number;
      counts[byte] = (counts[byte] as number) + 1;
    }
    return make(counts);
  };
  return [tableOf(0), tableOf(1), tableOf(2)] as const;
}

const unchanged = table((byte) => byte);

function stretch(counts: Uint32Array): Uint8Array {
  const low = counts.findIndex((count) => count > 0);
  const high = counts.findLastIndex((count) => count > 0);
  if (high <= low) return unchanged;
  const scale = 255 / (high - low);
  const offset = -low * scale;
  return table((byte) => byte * scale + offset);
}

function flatten(counts: Uint32Array): Uint8Array {
  const last = counts.findLastIndex((count) => count > 0);
  const total = counts.reduce((sum, count) => sum + count, 0);
  const step = Math.floor((total - (counts[last] ?? 0)) / 255);
  if (step === 0) return unchanged;
  let before = Math.floor(step / 2);
  return table((byte) => {
    const value = Math.floor(before / step);
    before += counts[byte] as number;
    return value;
  });
}

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
