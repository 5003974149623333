export interface JpegHeader {
  readonly width: number;
  readonly height: number;
  /** 1 grey, 3 colour, 4 CMYK. */
  readonly components: number;
  readonly bits: number;
  /** EXIF orientation, 1 to 8; default 1. */
  readonly orientation: number;
  /** Where the frame's marker is, in bytes. */
  readonly frame: number;
  /** Whether libjpeg has nothing to warn of up to its first scan: no bytes between markers, no odd parameters. */
  readonly regular: boolean;
}

/** Whether the marker that ends a JPEG follows its frame: without it the file may be cut short. */
export function hasEnd(bytes: Uint8Array, { frame }: JpegHeader): boolean {
  for (let at = bytes.length - 1; at > frame; at--) if (bytes[at] === 0xd9 && bytes[at - 1] === 0xff) return true;
  return false;
}

/** Reads a JPEG's markers up to its frame; undefined for other formats, and for a JPEG damaged before its frame. */
export function readJpegHeader(bytes: Uint8Array): JpegHeader | undefined {
  if (bytes[0] !== 0xff || bytes[1] !== 0xd8) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let orientation = 1;
  let regular = true;
  for (let at = 2; at + 10 <= bytes.length; ) {
    const marker = bytes[at + 1] as number;
    // Like libjpeg: bytes before a marker are passed over, and a marker may begin with several 0xff.
    if (bytes[at] !== 0xff || marker === 0xff || marker === 0) {
      regular &&= bytes[at] === 0xff && marker === 0xff;
      at++;
      continue;
    }
    const length = view.getUint16(at + 2);
    // All kinds of frame; DHT, JPG and DAC are tables in the same range of numbers.
    if (marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc) {
      const [height, width] = [view.getUint16(at + 5), view.getUint16(at + 7)];
      if (width === 0 || height === 0) return undefined;
      const [bits, components] = [bytes[at + 4] as number, bytes[at + 9] as number];
      regular &&= marker > 0xc1 || hasRegularScan(view, at + 2 + length);
      return { width, height, components, bits, orientation, frame: at, regular };
    }
    if (marker === 0xe1) orientation = exifOrientation(view, at + 4, at + 2 + length) ?? orientation;
    if (marker === 0xda || length < 2) return undefined;
    at += 2 + length;
  }
  return undefined;
}

/** Whether the first scan after a sequential frame has the parameters that the standard wants. */
function hasRegularScan(view: DataView, from: number): boolean {
  for (let at = from; at + 4 <= view.byteLength; ) {
    if (view.getUint8(at) !== 0xff) return false;
    const end = at + 2 + view.getUint16(at + 2);
    if (view.getUint8(at + 1) !== 0xda) at = end;
    else return end <= view.byteLength && view.getUint16(end - 3) === 63 && view.getUint8(end - 1) === 0;
  }
  return false;
}

/** The orientation in an APP1 segment of [from, end): a TIFF after "Exif\0\0". */
function exifOrientation(view: DataView, from: number, end: number): number | undefined {
  const tiff = from + 6;
  if (end > view.byteLength || tiff + 8 > end || view.getUint32(from) !== 0x45786966) return undefined;
  const little = view.getUint16(tiff) === 0x4949;
  const directory = tiff + view.getUint32(tiff + 4, little);
  if (directory + 2 > end) return undefined;
  const entries = view.getUint16(directory, little);
  for (let entry = directory + 2; entry < directory + 2 + entries * 12 && entry + 12 <= end; entry += 12) {
    if (view.getUint16(entry, little) !== 0x0112) continue;
    const value = view.getUint16(entry + 8, little);
    return value >= 1 && value <= 8 ? value : undefined;
  }
  return undefined;
}
