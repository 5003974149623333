/** The one place that decides which library reads a picture, and with which rules. */
import { closeSync, openSync, readFileSync } from 'node:fs';
import sharp from 'sharp';
import { pathOf } from '../../system/file-name';
import type { Sides } from '../../system/image-size';
import { readIntoSync } from '../../system/read-into';
import type { Image } from '../augment/image';
import { decodeBmp, isBmp, mostPixels, readBmpHeader } from './bmp';
import { readJpegHeader } from './jpeg-header';
import { isPng, requireKnownFormat } from './known-formats';

// Worker threads decode side by side already, and no file is read twice in a row.
sharp.concurrency(1);
sharp.cache(false);

/**
 * Pillow's rules: a picture that is cut short or damaged is refused; one that its library reads with a warning is read.
 * PNGs are read like Pillow in spite of wrong checksums of parts that do not matter.
 */
function open(from: Uint8Array | string, first: Uint8Array) {
  requireKnownFormat(first);
  return sharp(from, { failOn: isPng(first) ? 'truncated' : 'error', ignoreIcc: true, limitInputPixels: mostPixels });
}

/**
 * A picture as stored, without the native addon.
 * @throws Error for a picture that is damaged, cut short or of an unknown format
 */
export async function decodeWhole(bytes: Uint8Array): Promise<Image> {
  if (isBmp(bytes)) return decodeBmp(bytes);
  const { data, info } = await open(bytes, bytes)
    .removeAlpha()
    .toColourspace('srgb')
    .raw()
    .toBuffer({ resolveWithObject: true });
  if (info.channels !== 3) throw new Error(`it has ${info.channels} channels after decoding`);
  return { pixels: data, width: info.width, height: info.height };
}

/** EXIF's orientation, 1 to 8; default 1. */
export async function orientationOf(bytes: Uint8Array): Promise<number> {
  return isBmp(bytes) ? 1 : ((await sharp(bytes).metadata()).orientation ?? 1);
}

/** More than nearly every header of a JPEG needs. */
const headerBytes = 2 ** 16;

/**
 * The size of a picture by its header alone; of a file no more is read than that needs.
 * @param from bytes of a whole picture, or its file
 * @throws Error for a damaged header and an unknown format; errors of the file system
 */
export async function sizeOf(from: Uint8Array | string): Promise<Sides> {
  const first = typeof from === 'string' ? firstBytes(from) : from;
  if (isBmp(first)) return readBmpHeader(first);
  const jpeg = readJpegHeader(first);
  if (jpeg) return jpeg;
  // sharp takes only paths that are text.
  const whole = typeof from === 'string' && typeof pathOf(from) !== 'string' ? readFileSync(pathOf(from)) : from;
  return open(whole, first).metadata();
}

function firstBytes(file: string): Uint8Array {
  const handle = openSync(pathOf(file), 'r');
  try {
    const bytes = new Uint8Array(headerBytes);
    return bytes.subarray(0, readIntoSync(handle, bytes, 0));
  } finally {
    closeSync(handle);
  }
}
