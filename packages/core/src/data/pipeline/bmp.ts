/**
 * BMP pictures, which libvips does not read: 1, 4, 8, 16, 24 and 32 bits, palettes, bit fields, RLE8 and RLE4, rows from
 * below or above, headers of Windows and OS/2. The pixels equal Pillow's `Image.open(...).convert('RGB')`
 * (BmpImagePlugin.py of Pillow 13.0.0), and what Pillow refuses is refused.
 */
import type { Image } from '../augment/image';

export interface BmpHeader {
  readonly width: number;
  readonly height: number;
  readonly bits: number;
  readonly compression: number;
  readonly fromTop: boolean;
  /** Where the pixels begin, in bytes. */
  readonly pixels: number;
  /** Where the colours of a picture of up to 8 bits begin, how many there are, and the bytes of one (blue, green, red). */
  readonly palette: { readonly at: number; readonly colours: number; readonly bytes: number };
  /** The positions of red, green and blue in a pixel's bytes, or the bits of each in 16 bits. */
  readonly channels: readonly [red: number, green: number, blue: number];
}

const compressions = { none: 0, rle8: 1, rle4: 2, bitFields: 3 } as const;
const headerSizes = [12, 40, 52, 56, 64, 108, 124];
const palettes: readonly number[] = [1, 4, 8];

/** More pixels than this are taken for damage, as in Pillow. */
export const mostPixels = 2 ** 28;

export const isBmp = (bytes: Uint8Array): boolean => bytes[0] === 0x42 && bytes[1] === 0x4d;

/** Reads the header of a BMP. @throws Error for a header that is cut short, or of a kind that Pillow does not read either */
export function readBmpHeader(bytes: Uint8Array): BmpHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 18) throw new Error('the BMP is cut short in its header');
  const size = view.getUint32(14, true);
  if (!headerSizes.includes(size)) throw new Error(`the BMP has a header of ${size} bytes, which no version has`);
  // Bit fields of the smallest header follow it.
  if (bytes.length < 14 + size) throw new Error('the BMP is cut short in its header');
  const isCore = size === 12;
  const fromTop = !isCore && bytes[25] === 0xff;
  const storedHeight = isCore ? view.getUint16(20, true) : view.getUint32(22, true);
  const [width, height] = [
    isCore ? view.getUint16(18, true) : view.getUint32(18, true),
    fromTop ? 2 ** 32 - storedHeight : storedHeight,
  ];
  const bits = view.getUint16(isCore ? 24 : 28, true);
  const compression = isCore ? compressions.none : view.getUint32(30, true);
  if (width === 0 || height === 0 || width * height > mostPixels) {
    throw new Error(`the BMP has an impossible size of ${width} x ${height}`);
  }
  if (![1, 4, 8, 16, 24, 32].includes(bits)) throw new Error(`the BMP has ${bits} bits a pixel`);
  const { channels, end } = channelsOf(view, { size, bits, compression });
  const colours = (isCore ? 0 : view.getUint32(46, true)) || 2 ** bits;
  const bytesOfColour = isCore ? 3 : 4;
  let pixels = view.getUint32(10, true);
  if (palettes.includes(bits)) {
    if (colours > 256) throw new Error(`the BMP has ${colours} colours in its palette`);
    if (pixels === 14 + size) pixels += bytesOfColour * colours;
  }
  const afterPalette = end + (palettes.includes(bits) ? bytesOfColour * colours : 0);
  return {
    width,
    height,
    bits,
    compression,
    fromTop,
    pixels: pixels || afterPalette,
    palette: { at: end, colours, bytes: bytesOfColour },
    channels,
  };
}

/** Bit fields that Pillow reads, as `bits red green blue alpha`, and the positions of the three channels. */
const bitFields: ReadonlyMap<string, BmpHeader['channels']> = new Map([
  ['32 ff0000 ff00 ff 0', [2, 1, 0]],
  ['32 ff000000 ff0000 ff00 0', [3, 2, 1]],
  ['32 ff000000 ff00 ff 0', [3, 1, 0]],
  ['32 ff000000 ff0000 ff00 ff', [3, 2, 1]],
  ['32 ff ff00 ff0000 ff000000', [0, 1, 2]],
  ['32 ff0000 ff00 ff ff000000', [2, 1, 0]],
  ['32 ff000000 ff00 ff ff0000', [3, 1, 0]],
  ['32 0 0 0 0', [2, 1, 0]],
  ['24 ff0000 ff00 ff', [2, 1, 0]],
  ['16 f800 7e0 1f', [5, 6, 5]],
  ['16 7c00 3e0 1f', [5, 5, 5]],
]);

/** The channels, and the end of the header with its bit fields. */
function channelsOf(
  view: DataView,
  { size, bits, compression }: Pick<BmpHeader, 'bits' | 'compression'> & { size: number },
) {
  const end = 14 + size;
  if (compression === compressions.rle8 || compression === compressions.rle4) {
    if (!palettes.includes(bits)) throw new Error(`the BMP is run-length encoded with ${bits} bits a pixel`);
  } else if (compression !== compressions.none && compression !== compressions.bitFields) {
    throw new Error(`the BMP has the compression ${compression}`);
  }
  const plain: BmpHeader['channels'] = bits === 16 ? [5, 5, 5] : [2, 1, 0];
  if (compression !== compressions.bitFields) return { channels: plain, end };
  if (view.byteLength < 66) throw new Error('the BMP is cut short in its header');
  const masks = [54, 58, 62].map((at) => view.getUint32(at, true).toString(16));
  const alpha = size >= 56 && view.byteLength >= 70 ? view.getUint32(66, true) : 0;
  const channels = bitFields.get([bits, ...masks, ...(bits === 32 ? [alpha.toString(16)] : [])].join(' '));
  if (!channels) throw new Error(`the BMP has ${bits} bits a pixel in an unknown arrangement (${masks.join(', ')})`);
  return { channels, end: size === 40 ? end + 12 : end };
}

/** Decodes a BMP. @throws Error for one that is damaged, cut short, or of a kind that Pillow does not read either */
export function decodeBmp(bytes: Uint8Array): Image {
  const header = readBmpHeader(bytes);
  const { width, height, bits, compression, fromTop, channels } = header;
  const isPacked = compression === compressions.rle8 || compression === compressions.rle4;
  const lookUp = palettes.includes(bits) ? paletteOf(bytes, header) : undefined;
  const indices = isPacked ? unpackRuns(bytes, header) : undefined;
  const stride = isPacked ? width : Math.floor((width * bits + 31) / 32) * 4;
  const rowBytes = isPacked ? width : Math.ceil((width * bits) / 8);
  const data = indices ?? bytes.subarray(header.pixels);
  if (data.length < stride * (height - 1) + rowBytes) throw new Error('the BMP is cut short');
  const pixels = new Uint8Array(width * height * 3);
  const bitsOfIndex = isPacked ? 8 : bits;
  const [red, green, blue] = channels;
  for (let y = 0; y < height; y++) {
    const row = stride * (fromTop ? y : height - 1 - y);
    for (let x = 0, to = y * width * 3; x < width; x++, to += 3) {
      if (lookUp) {
        const index = indexAt(data, row, x, bitsOfIndex) * 3;
        for (let channel = 0; channel < 3; channel++) pixels[to + channel] = lookUp[index + channel] as number;
      } else if (bits === 16) {
        const value = (data[row + x * 2] as number) | ((data[row + x * 2 + 1] as number) << 8);
        pixels[to] = scaled(value >> (green + blue), red);
        pixels[to + 1] = scaled(value >> blue, green);
        pixels[to + 2] = scaled(value, blue);
      } else {
        const from = row + (x * bits) / 8;
        pixels[to] = data[from + red] as number;
        pixels[to + 1] = data[from + green] as number;
        pixels[to + 2] = data[from + blue] as number;
      }
    }
  }
  return { pixels, width, height };
}

/** The lowest `bits` bits, stretched to 0..255 and rounded down. */
const scaled = (value: number, bits: number): number => {
  const most = 2 ** bits - 1;
  return Math.floor(((value & most) * 255) / most);
};

function indexAt(data: Uint8Array, row: number, x: number, bits: number): number {
  if (bits === 8) return data[row + x] as number;
  const perByte = 8 / bits;
  const byte = data[row + Math.floor(x / perByte)] as number;
  return (byte >> (8 - bits * ((x % perByte) + 1))) & (2 ** bits - 1);
}

/** The colours of all 256 indices, red, green and blue: black beyond the palette's end, but grey after a palette of greys. */
function paletteOf(bytes: Uint8Array, { palette: { at, colours, bytes: size } }: BmpHeader): Uint8Array {
  if (bytes.length < at + colours * size) throw new Error('the BMP is cut short in its palette');
  const palette = new Uint8Array(768);
  for (let i = 0; i < colours; i++) {
    for (let channel = 0; channel < 3; channel++)
      palette[i * 3 + channel] = bytes[at + i * size + 2 - channel] as number;
  }
  const greys = Uint8Array.from(palette, (_, i) => Math.floor(i / 3));
  return palette.subarray(0, colours * 3).every((value, i) => value === greys[i]) ? greys : palette;
}

/** The indices of run-length encoded pixels, a byte each, in the order of the file. */
function unpackRuns(bytes: Uint8Array, { width, height, compression, pixels: start }: BmpHeader): Uint8Array {
  const isRle4 = compression === compressions.rle4;
  const total = width * height;
  // No four bytes give more than a jump by 255 rows and 255 columns.
  if (((bytes.length - start) / 4 + 1) * 255 * (width + 1) < total) throw new Error('the BMP is cut short');
  let data = new Uint8Array(Math.min(total, 2 ** 20));
  let length = 0;
  let x = 0;
  let at = start;
  /** Adds indices; those that no one writes are 0. The size in the header may be damage, so memory grows with the data. */
  const add = (count: number, index?: (i: number) => number): void => {
    if (length + count > data.length) {
      const larger = new Uint8Array(2 * (length + count));
      larger.set(data);
      data = larger;
    }
    if (index) for (let i = 0; i < count; i++) data[length + i] = index(i);
    length += count;
  };
  while (length < total && at + 2 <= bytes.length) {
    const count = bytes[at++] as number;
    const value = bytes[at++] as number;
    if (count > 0) {
      const used = Math.max(0, Math.min(count, width - x));
      add(used, (i) => (!isRle4 ? value : i % 2 === 0 ? value >> 4 : value & 15));
      x += used;
    } else if (value === 0) {
      add(Math.ceil(length / width) * width - length);
      x = 0;
    } else if (value === 1) {
      break;
    } else if (value === 2) {
      if (at + 2 > bytes.length) break;
      add(Math.min(total - length, (bytes[at] as number) + (bytes[at + 1] as number) * width));
      at += 2;
      x = length % width;
    } else {
      const wanted = Math.min(total - length, value);
      const stored = isRle4 ? Math.ceil(wanted / 2) : wanted;
      if (at + stored > bytes.length) break;
      const from = at;
      add(wanted, (i) => {
        const byte = bytes[from + (isRle4 ? i >> 1 : i)] as number;
        return !isRle4 ? byte : i % 2 === 0 ? byte >> 4 : byte & 15;
      });
      at += stored;
      x += value;
      // Such a run ends at an even byte of the file.
      at += at % 2;
    }
  }
  if (length < total) throw new Error('the BMP is cut short');
  return data.subarray(0, total);
}
