import {
  bilinearWeights,
  pixelRange,
  type ResamplingWeights,
  resample,
  resamplesRowsFirst,
  shiftPixels,
} from 'headshare-student/resampling';
import { type ImageSize, type Sides, sides } from '../../system/image-size';
import type { Image } from '../augment/image';
import { mirror } from '../loading/augmented';
import type { Box } from '../sources/image-source';
import { hasEnd, type JpegHeader, readJpegHeader } from './jpeg-header';
import type { NativeImages } from './native';
import { decodeWhole, orientationOf } from './stored-picture';
import type { Sampling } from './transforms';

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
 * Equals `Image.open(...).convert('RGB')` and `resize(BILINEAR)` of Pillow 13 to the bit for JPEG, PNG, WebP and BMP of 8 bits:
 * colour profiles are ignored, alpha is dropped, palettes are looked up, grey is repeated. 16-bit pictures keep the upper
 * 8 bits. CMYK goes through libvips's own profile and differs from Pillow.
 * JPEGs are decoded at full scale: half scale would change a quarter-size picture by up to 14 levels (0.8 on average).
 * @param options `box`: the part to use instead of the whole picture, in pixels as stored; what reaches beyond is clipped
 * @throws Error for a picture that is damaged, cut short or of an unknown format, whichever part of it is used
 * @throws BoxOutside for a box without area within the picture
 */
export async function decodeInto(
  bytes: Uint8Array,
  chooseAtRandom: Choose,
  options: DecodeOptions & { readonly size: ImageSize; readonly box?: Box | undefined },
  target: Uint8Array,
): Promise<void> {
  const { box, native, applyOrientation } = options;
  const size = sides(options.size);
  const choose = once(chooseAtRandom);
  const header = nativeHeader(bytes, native);
  if (native && header && (!applyOrientation || header.orientation === 1)) {
    const part = partOf(header, box);
    const { sampling, mirrored } = choose(part[2], part[3]);
    const { columns, rows, rowsFirst, needed } = plan(sampling, part, size, header);
    // An addon that was built before it knew `rowsFirst` refuses more arguments.
    const order = rowsFirst ? ([true] as const) : [];
    if (native.sampleJpeg(bytes, Int32Array.from(needed), columns, rows, target, mirrored, ...order)) return;
  }
  // Also after a refusal of the addon, so that both decoders accept the same pictures.
  const stored = await decodeWhole(bytes);
  const part = partOf(stored, box);
  const orientation = applyOrientation ? await orientationOf(bytes) : 1;
  const image = orientation === 1 ? stored : orient(cut(stored, part), orientation);
  const from: Box = orientation === 1 ? part : [0, 0, image.width, image.height];
  const { sampling, mirrored } = choose(from[2], from[3]);
  const { columns, rows, rowsFirst, needed } = plan(sampling, from, size, image);
  resample(cut(image, needed).pixels, needed[2], columns, rows, rowsFirst, target);
  if (mirrored) mirror(target, size);
}

/** Both decoders must get one choice: it may draw random numbers. */
function once(choose: Choose): Choose {
  const chosen = new Map<string, ReturnType<Choose>>();
  return (width, height) => {
    const key = `${width} ${height}`;
    const choice = chosen.get(key) ?? choose(width, height);
    chosen.set(key, choice);
    return choice;
  };
}

/**
 * A whole picture at its stored size: the pixels that `decodeInto` resamples.
 * @throws Error for a picture that is damaged, cut short or of an unknown format
 */
export async function decodePicture(bytes: Uint8Array, { applyOrientation, native }: DecodeOptions): Promise<Image> {
  const header = nativeHeader(bytes, native);
  if (native && header) {
    const { width, height, orientation } = header;
    const pixels = new Uint8Array(width * height * 3);
    const box = Int32Array.of(0, 0, width, height);
    if (native.sampleJpeg(bytes, box, identityWeights(width), identityWeights(height), pixels, false)) {
      return orient({ pixels, width, height }, applyOrientation ? orientation : 1);
    }
  }
  const stored = await decodeWhole(bytes);
  return orient(stored, applyOrientation ? await orientationOf(bytes) : 1);
}

/** The header of a JPEG that the native addon can decode. */
function nativeHeader(bytes: Uint8Array, native: NativeImages | undefined): JpegHeader | undefined {
  const header = native && readJpegHeader(bytes);
  if (header?.bits !== 8 || (header.components !== 3 && header.components !== 1)) return undefined;
  if (header.width * header.height * header.components >= mostBytes) return undefined;
  // The addon decodes a part of a picture alone, and would not notice what is missing below it; and the JPEG library in
  // TensorFlow writes its warnings to the terminal.
  return header.regular && hasEnd(bytes, header) ? header : undefined;
}

/** TensorFlow refuses larger JPEGs. */
const mostBytes = 2 ** 29;

/** The whole picture, or the part of a box within it. */
const partOf = (whole: Sides, box: Box | undefined): Box =>
  box ? clipBox(box, whole) : [0, 0, whole.width, whole.height];

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
  const rowsFirst = resamplesRowsFirst({ width: box[2], height: box[3] }, { width, height });
  return { columns: shiftPixels(columns, boxLeft - left), rows: shiftPixels(rows, boxTop - top), rowsFirst, needed };
}

/** A box that lies wholly outside its picture. */
export class BoxOutside extends Error {}

/** The part of a box within a picture. @throws BoxOutside if there is none */
export function clipBox([left, top, width, height]: Box, whole: Sides): Box {
  const [x, y] = [Math.max(0, left), Math.max(0, top)];
  const clipped: Box = [x, y, Math.min(whole.width, left + width) - x, Math.min(whole.height, top + height) - y];
  if (clipped[2] > 0 && clipped[3] > 0) return clipped;
  const box = `${left}, ${top}, ${width} x ${height}`;
  throw new BoxOutside(`its box ${box} has no area within the picture of ${whole.width} x ${whole.height} pixels`);
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
