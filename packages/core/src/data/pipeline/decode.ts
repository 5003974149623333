import sharp from 'sharp';
import type { Image } from '../augment/image';
import { mirror } from '../loading/augmented';
import type { Box, Sampling } from './crop';
import { readJpegHeader } from './jpeg-header';
import type { NativeImages } from './native';
import { orient } from './orientation';
import { bilinearTaps, resample, shiftTaps, tapRange } from './resampling';

// Tasks run side by side already, and no file is read twice in a row.
sharp.concurrency(1);
sharp.cache(false);

/** What is to be seen of a picture of this size. */
export type Choose = (width: number, height: number) => { readonly sampling: Sampling; readonly mirrored: boolean };

export interface DecodeOptions {
  readonly size: number;
  /** Cropped to first, in pixels as stored. */
  readonly box?: Box | undefined;
  /** Turns pictures as their EXIF tag says. */
  readonly applyOrientation: boolean;
  readonly native?: NativeImages | undefined;
}

/** Chroma is interpolated over neighbours: decoded alone, a part would differ at its edges. Two samples, in pixels. */
const margin = 16;

/**
 * Decodes what is to be seen of a picture and resamples it into `target` (size x size x 3 bytes).
 *
 * As Pillow's `Image.open(...).convert('RGB')` and `resize(BILINEAR)`, to the bit for JPEG, PNG and WebP of 8 bits: no
 * colour profile is applied, alpha is dropped, palettes are looked up, grey is repeated. Of 16 bits the upper 8 are kept;
 * CMYK goes through libvips's own profile: there Pillow differs.
 * JPEGs are decoded at full scale: at half scale, a quarter of the size differs by up to 14 levels (by 0.8 on average).
 * @throws Error where the picture is damaged, cut short or of no known format
 */
export async function decodeInto(
  bytes: Uint8Array,
  choose: Choose,
  options: DecodeOptions,
  target: Uint8Array,
): Promise<void> {
  const { size, box, native, applyOrientation } = options;
  const header = native && readJpegHeader(bytes);
  const simple = header && header.bits === 8 && (header.components === 3 || header.components === 1);
  if (native && simple && (!applyOrientation || header.orientation === 1)) {
    const part = box ?? [0, 0, header.width, header.height];
    checkBox(part, header.width, header.height);
    const { sampling, mirrored } = choose(part[2], part[3]);
    const { columns, rows, needed } = plan(sampling, part, size, header.width, header.height);
    if (native.sampleJpeg(bytes, Int32Array.from(needed), columns, rows, target, mirrored)) return;
    throw new Error('the JPEG is damaged or cut short');
  }
  const whole = await decodeWhole(bytes);
  const part = box ?? [0, 0, whole.width, whole.height];
  checkBox(part, whole.width, whole.height);
  const turned = applyOrientation ? await orientationOf(bytes) : 1;
  const seen = turned === 1 ? whole : orient(cut(whole, part), turned);
  const from: Box = turned === 1 ? part : [0, 0, seen.width, seen.height];
  const { sampling, mirrored } = choose(from[2], from[3]);
  const { columns, rows, needed } = plan(sampling, from, size, seen.width, seen.height);
  const { pixels } = cut(seen, needed);
  resample(pixels, needed[2], columns, rows, target);
  if (mirrored) mirror(target.subarray(0, size * size * 3), size);
}

function plan(
  { box, width, height, x, y }: Sampling,
  part: Box,
  size: number,
  wholeWidth: number,
  wholeHeight: number,
) {
  const columns = bilinearTaps(box[2], width, x, size);
  const rows = bilinearTaps(box[3], height, y, size);
  const [firstColumn, endColumn] = tapRange(columns);
  const [firstRow, endRow] = tapRange(rows);
  const [boxLeft, boxTop] = [part[0] + box[0], part[1] + box[1]];
  const left = Math.max(0, boxLeft + firstColumn - margin);
  const top = Math.max(0, boxTop + firstRow - margin);
  const right = Math.min(wholeWidth, boxLeft + endColumn + margin);
  const bottom = Math.min(wholeHeight, boxTop + endRow + margin);
  const needed: Box = [left, top, right - left, bottom - top];
  return { columns: shiftTaps(columns, boxLeft - left), rows: shiftTaps(rows, boxTop - top), needed };
}

/** A picture as it is stored, by sharp. @throws Error where it is damaged, cut short or of no known format */
export async function decodeWhole(bytes: Uint8Array): Promise<Image> {
  const { data, info } = await sharp(bytes, { failOn: 'warning', ignoreIcc: true, limitInputPixels: false })
    .removeAlpha()
    .toColourspace('srgb')
    .raw()
    .toBuffer({ resolveWithObject: true });
  if (info.channels !== 3) throw new Error(`it has ${info.channels} channels after decoding`);
  return { pixels: data, width: info.width, height: info.height };
}

export async function orientationOf(bytes: Uint8Array): Promise<number> {
  return (await sharp(bytes).metadata()).orientation ?? 1;
}

function checkBox([left, top, width, height]: Box, wholeWidth: number, wholeHeight: number): void {
  if (left >= 0 && top >= 0 && width > 0 && height > 0 && left + width <= wholeWidth && top + height <= wholeHeight)
    return;
  throw new Error(`its box ${left}, ${top}, ${width} x ${height} is not within ${wholeWidth} x ${wholeHeight}`);
}

function cut({ pixels, width }: Image, [left, top, boxWidth, boxHeight]: Box): Image {
  const part = new Uint8Array(boxWidth * boxHeight * 3);
  for (let y = 0; y < boxHeight; y++) {
    const from = ((top + y) * width + left) * 3;
    part.set(pixels.subarray(from, from + boxWidth * 3), y * boxWidth * 3);
  }
  return { pixels: part, width: boxWidth, height: boxHeight };
}
