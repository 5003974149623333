/**
 * The same file without its EXIF data, so that a browser, which always turns pictures by EXIF, gives the pixels as they
 * are stored. JPEG, PNG and WebP; other bytes are returned as they are, also where the file is damaged.
 */
export function withoutExif(bytes: Uint8Array): Uint8Array {
  if (isJpeg(bytes)) return without(bytes, jpegExif(bytes));
  if (isPng(bytes)) return without(bytes, pngExif(bytes));
  if (isWebp(bytes)) {
    const rest = without(bytes, webpExif(bytes));
    if (rest.length !== bytes.length) view(rest).setUint32(4, rest.length - 8, true);
    return rest;
  }
  return bytes;
}

/** Components of a JPEG: 1 is grey, 3 colours, 4 CMYK; undefined for other files. */
export function jpegComponents(bytes: Uint8Array): number | undefined {
  if (!isJpeg(bytes)) return undefined;
  for (const { marker, start, end } of jpegSegments(bytes)) {
    // Start of frame: C0 to CF without the tables C4, C8 and CC.
    if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker) && end - start > 9)
      return bytes[start + 9];
  }
  return undefined;
}

interface Range {
  readonly start: number;
  readonly end: number;
}

const isJpeg = (bytes: Uint8Array) => bytes[0] === 0xff && bytes[1] === 0xd8;
const isPng = (bytes: Uint8Array) => ascii(bytes, 1, 'PNG\r\n\x1a\n') && bytes[0] === 0x89;
const isWebp = (bytes: Uint8Array) => ascii(bytes, 0, 'RIFF') && ascii(bytes, 8, 'WEBP');

const ascii = (bytes: Uint8Array, at: number, text: string) =>
  [...text].every((letter, i) => bytes[at + i] === letter.charCodeAt(0));
const view = ({ buffer, byteOffset, byteLength }: Uint8Array) => new DataView(buffer, byteOffset, byteLength);

/** The segments before the picture's data, each with its marker. */
function* jpegSegments(bytes: Uint8Array): Generator<Range & { readonly marker: number }> {
  const data = view(bytes);
  for (let start = 2; start + 4 <= bytes.length && bytes[start] === 0xff; ) {
    const marker = bytes[start + 1] as number;
    // The scan starts.
    if (marker === 0xda) return;
    const end = start + 2 + data.getUint16(start + 2);
    if (end > bytes.length) return;
    yield { marker, start, end };
    start = end;
  }
}

const jpegExif = (bytes: Uint8Array) =>
  [...jpegSegments(bytes)].filter(({ marker, start }) => marker === 0xe1 && ascii(bytes, start + 4, 'Exif\0'));

function* chunks(bytes: Uint8Array, first: number, size: (start: number) => number): Generator<Range> {
  for (let start = first; start + 8 <= bytes.length; ) {
    const end = start + size(start);
    if (end > bytes.length) return;
    yield { start, end };
    start = end;
  }
}

function pngExif(bytes: Uint8Array): Range[] {
  const data = view(bytes);
  const all = chunks(bytes, 8, (start) => 12 + data.getUint32(start));
  return [...all].filter(({ start }) => ascii(bytes, start + 4, 'eXIf'));
}

function webpExif(bytes: Uint8Array): Range[] {
  const data = view(bytes);
  const all = chunks(bytes, 12, (start) => 8 + Math.ceil(data.getUint32(start + 4, true) / 2) * 2);
  return [...all].filter(({ start }) => ascii(bytes, start, 'EXIF'));
}

function without(bytes: Uint8Array, ranges: readonly Range[]): Uint8Array {
  if (ranges.length === 0) return bytes;
  const removed = ranges.reduce((sum, { start, end }) => sum + end - start, 0);
  const rest = new Uint8Array(bytes.length - removed);
  let [from, to] = [0, 0];
  for (const { start, end } of [...ranges, { start: bytes.length, end: bytes.length }]) {
    rest.set(bytes.subarray(from, start), to);
    to += start - from;
    from = end;
  }
  return rest;
}
