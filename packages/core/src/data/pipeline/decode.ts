import {
  bilinearWeights,
  pixelRange,
  type ResamplingWeights,
  resample,
  shiftPixels,
} from 'headshare-student/resampling';
import sharp from 'sharp';
import { type ImageSize, type Sides, sides } from '../../system/image-size';
import type { Image } from '../augment/image';
import { mirror } from '../loading/augmented';
import type { Box } from '../sources/image-source';
import { type JpegHeader, readJpegHeader } from './jpeg-header';
import type { NativeImages } from './native';
import type { Sampling } from './transforms';

// Worker threads decode side by side already, and no file is read twice in a row.
sharp.concurrency(1);
sharp.cache(false);

/** Chooses the part of a picture of this size that is resampled, and whether it is mirrored. */
export type Choose = (width: number, height: number) => { readonly sampling: Sampling; readonly mirrored: boolean };

export interface DecodeOptions {
  /** Rotates and mirrors the picture by its EXIF orientation, as OpenCV's imread does and Pillow does not. */
  readonly applyOrientation: boolean;
  /** Default: sharp decodes JPEGs too. */
  readonly native?: NativeImages | undefined;
}

/** Chroma is interpolated over neighbours, so a part decoded alone would differ at its edges: two samples, in pixels. */
const margin = 16;

/**
 * Decodes a part of a picture and resamples it into `target` (height x width x 3 bytes).
 * Equals Pillow's `Image.open(...).convert('RGB')` and `resize(BILINEAR)` to the bit for JPEG, PNG and WebP of 8 bits:
 * colour profiles are ignored, alpha is dropped, palettes are looked up, grey is repeated. 16-bit pictures keep the upper
 * 8 bits. CMYK goes through libvips's own profile and differs from Pillow.
 * JPEGs are decoded at full scale: half scale would change a quarter-size picture by up to 14 levels (0.8 on average).
 * @param options `box`: the part to use instead of the whole picture, in pixels as stored
 * @throws Error for a picture that is damaged, cut short or of an unknown format
 */
export async function decodeInto(
  bytes: Uint8Array,
  choose: Choose,
  options: DecodeOptions & { readonly size: ImageSize; readonly box?: Box | undefined },
  target: Uint8Array,
): Promise<void> {
  const { box, native, applyOrientation } = options;
  const size = sides(options.size);
  const header = nativeHeader(bytes, native);
  if (native && header && (!applyOrientation || header.orientation === 1)) {
    const part = box ?? [0, 0, header.width, header.height];
    checkBox(part, header);
    const { sampling, mirrored } = choose(part[2], part[3]);
    const { columns, rows, needed } = plan(sampling, part, size, header);
    if (native.sampleJpeg(bytes, Int32Array.from(needed), columns, rows, target, mirrored)) return;
    throw new Error('the JPEG is damaged or cut short');
  }
  const stored = await decodeWhole(bytes);
  const part = box ?? [0, 0, stored.width, stored.height];
  checkBox(part, stored);
  const orientation = applyOrientation ? await orientationOf(bytes) : 1;
  const image = orientation === 1 ? stored : orient(cut(stored, part), orientation);
  const from: Box = orientation === 1 ? part : [0, 0, image.width, image.height];
  const { sampling, mirrored } = choose(from[2], from[3]);
  const { columns, rows, needed } = plan(sampling, from, size, image);
  resample(cut(image, needed).pixels, needed[2], columns, rows, target);
  if (mirrored) mirror(target, size);
}

/**
 * A whole picture at its stored size: the pixels that `decodeInto` resamples.
 * @throws Error for a picture that is damaged, cut short or of an unknown format
 */
export async function decodePicture(bytes: Uint8Array, { applyOrientation, native }: DecodeOptions): Promise<Image> {
  const header = nativeHeader(bytes, native);
  if (!native || !header) {
    const stored = await decodeWhole(bytes);
    return orient(stored, applyOrientation ? await orientationOf(bytes) : 1);
  }
  const { width, height, orientation } = header;
  const pixels = new Uint8Array(width * height * 3);
  const box = Int32Array.of(0, 0, width, height);
  if (!native.sampleJpeg(bytes, box, identityWeights(width), identityWeights(height), pixels, false)) {
    throw new Error('the JPEG is damaged or cut short');
  }
  return orient({ pixels, width, height }, applyOrientation ? orientation : 1);
}

/** The header of a JPEG that the native addon can decode. */
function nativeHeader(bytes: Uint8Array, native: NativeImages | undefined): JpegHeader | undefined {
  const header = native && readJpegHeader(bytes);
  return header?.bits === 8 && (header.components === 3 || header.components === 1) ? header : undefined;
}

/** Weights that leave an axis unchanged. */
function identityWeights(count: number): ResamplingWeights {
  const weights = new Int32Array(2 + 3 * count).fill(1);
  weights[0] = count;
  for (let i = 0; i < count; i++) weights[2 + i] = i;
  return weights.fill(2 ** 22, 2 + 2 * count);
}

/** The weights of both axes, and the box of the whole picture that they need. */
function plan({ box, width, height, x, y }: Sampling, part: Box, size: Sides, whole: Sides) {
  const columns = bilinearWeights(box[2], width, x, size.width);
  const rows = bilinearWeights(box[3], height, y, size.height);
  const [firstColumn, endColumn] = pixelRange(columns);
  const [firstRow, endRow] = pixelRange(rows);
  const [boxLeft, boxTop] = [part[0] + box[0], part[1] + box[1]];
  const left = Math.max(0, boxLeft + firstColumn - margin);
  const top = Math.max(0, boxTop + firstRow - margin);
  const right = Math.min(whole.width, boxLeft + endColumn + margin);
  const bottom = Math.min(whole.height, boxTop + endRow + margin);
  const needed: Box = [left, top, right - left, bottom - top];
  return { columns: shiftPixels(columns, boxLeft - left), rows: shiftPixels(rows, boxTop - top), needed };
}

/** A picture as stored, decoded by sharp. */
async function decodeWhole(bytes: Uint8Array): Promise<Image> {
  const { data, info } = await sharp(bytes, { failOn: 'warning', ignoreIcc: true, limitInputPixels: false })
    .removeAlpha()
    .toColourspace('srgb')
    .raw()
    .toBuffer({ resolveWithObject: true });
  if (info.channels !== 3) throw new Error(`it has ${info.channels} channels after decoding`);
  return { pixels: data, width: info.width, height: info.height };
}

async function orientationOf(bytes: Uint8Array): Promise<number> {
  return (await sharp(bytes).metadata()).orientation ?? 1;
}

function checkBox([left, top, width, height]: Box, whole: Sides): void {
  const fits = left + width <= whole.width && top + height <= whole.height;
  if (left >= 0 && top >= 0 && width > 0 && height > 0 && fits) return;
  throw new Error(`its box ${left}, ${top}, ${width} x ${height} is not within ${whole.width} x ${whole.height}`);
}

function cut({ pixels, width }: Image, [left, top, boxWidth, boxHeight]: Box): Image {
  const part = new Uint8Array(boxWidth * boxHeight * 3);
  for (let y = 0; y < boxHeight; y++) {
    const from = ((top + y) * width + left) * 3;
    part.set(pixels.subarray(from, from + boxWidth * 3), y * boxWidth * 3);
  }
  return { pixels: part, width: boxWidth, height: boxHeight };
}

/** Rotates and mirrors a picture by an EXIF orientation (1 to 8; 1: unchanged). */
function orient(image: Image, orientation: number): Image {
  if (orientation === 1) return image;
  const { pixels, width, height } = image;
  const transposed = orientation >= 5;
  const size = transposed ? { width: height, height: width } : { width, height };
  const fromRight = [2, 3, 7, 8].includes(orientation);
  const fromBottom = [3, 4, 6, 7].includes(orientation);
  const result = new Uint8Array(pixels.length);
  for (let y = 0, to = 0; y < size.height; y++) {
    for (let x = 0; x < size.width; x++, to += 3) {
      const [across, down] = transposed ? [y, x] : [x, y];
      const column = fromRight ? width - 1 - across : across;
      const row = fromBottom ? height - 1 - down : down;
      const from = (row * width + column) * 3;
      result[to] = pixels[from] as number;
      result[to + 1] = pixels[from + 1] as number;
      result[to + 2] = pixels[from + 2] as number;
    }
  }
  return { pixels: result, ...size };
}
