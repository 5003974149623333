import type { Image } from '../augment/image';
import { decodeWhole, orientationOf } from './decode';
import { readJpegHeader } from './jpeg-header';
import type { NativeImages } from './native';
import { orient } from './orientation';
import type { Taps } from './resampling';

export interface DecodePictureOptions {
  /** Turns the picture as its EXIF tag says, as OpenCV's imread does and Pillow does not. */
  readonly applyOrientation: boolean;
  readonly native?: NativeImages | undefined;
}

/**
 * A whole picture at its own size: the bytes that `decodeInto` resamples.
 * @throws Error where the picture is damaged, cut short or of no known format
 */
export async function decodePicture(
  bytes: Uint8Array,
  { applyOrientation, native }: DecodePictureOptions,
): Promise<Image> {
  const header = native && readJpegHeader(bytes);
  if (native && header && header.bits === 8 && (header.components === 3 || header.components === 1)) {
    const { width, height, orientation } = header;
    const pixels = new Uint8Array(width * height * 3);
    const box = Int32Array.of(0, 0, width, height);
    if (!native.sampleJpeg(bytes, box, everyPixel(width), everyPixel(height), pixels, false)) {
      throw new Error('the JPEG is damaged or cut short');
    }
    return turned({ pixels, width, height }, applyOrientation ? orientation : 1);
  }
  const whole = await decodeWhole(bytes);
  return turned(whole, applyOrientation ? await orientationOf(bytes) : 1);
}

const turned = (image: Image, orientation: number): Image => (orientation === 1 ? image : orient(image, orientation));

/** Taps that leave an axis as it is: each pixel makes itself. */
function everyPixel(count: number): Taps {
  const taps = new Int32Array(2 + 3 * count).fill(1);
  taps[0] = count;
  for (let i = 0; i < count; i++) taps[2 + i] = i;
  taps.fill(2 ** 22, 2 + 2 * count);
  return taps;
}
