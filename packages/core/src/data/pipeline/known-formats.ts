/** Which files count as pictures, whatever their names say. */
import { crc32 } from 'node:zlib';

/**
 * The first bytes of pictures that Pillow reads too, as Latin-1: JPEG, PNG, WebP, TIFF, GIF, PNM, AVIF. libvips would also draw
 * SVG and print PDF.
 */
const beginnings = ['\xff\xd8', '\x89PNG', 'II\x2a\0', 'II\x2b\0', 'MM\0\x2a', 'MM\0\x2b', 'GIF87a', 'GIF89a'];

function isKnown(text: string): boolean {
  if (beginnings.some((one) => text.startsWith(one))) return true;
  if (text.startsWith('RIFF')) return text.slice(8, 12) === 'WEBP';
  return /^P[1-6]\s/.test(text) || /^ftyp(avif|avis|mif1)/.test(text.slice(4));
}

/** More than the longest of these beginnings. */
const mostBytes = 12;

export const isPng = (bytes: Uint8Array): boolean => bytes[0] === 0x89 && bytes[1] === 0x50 && bytes[2] === 0x4e;

/**
 * @param first the first bytes of a file
 * @throws Error for content of other formats, and for a PNG whose header has a wrong checksum, which Pillow refuses
 */
export function requireKnownFormat(first: Uint8Array): void {
  if (!isKnown(Buffer.from(first.subarray(0, mostBytes)).toString('latin1'))) {
    throw new Error('Input buffer contains unsupported image format');
  }
  if (isPng(first)) requireChecksums(first);
}

/** The chunks before the pixels; as many as there are in `first`. */
function requireChecksums(first: Uint8Array): void {
  const view = new DataView(first.buffer, first.byteOffset, first.byteLength);
  for (let at = 8; at + 12 <= first.length; ) {
    const end = at + 8 + view.getUint32(at);
    const kind = Buffer.from(first.subarray(at + 4, at + 8)).toString('latin1');
    if (kind === 'IDAT' || end + 4 > first.length) return;
    if (crc32(first.subarray(at + 4, end)) !== view.getUint32(end)) {
      throw new Error(`the PNG has a wrong checksum in its ${/^\w{4}$/.test(kind) ? kind : 'header'}`);
    }
    at = end + 4;
  }
}
