/**
 * Files in IDX, the format of MNIST (http://yann.lecun.com/exdb/mnist): two zero bytes, a byte for the type of the
 * numbers, the number of dimensions, the dimensions as big-endian uint32, and the numbers, row by row.
 */
import { gunzipSync } from 'node:zlib';
import { type Refuse, readBytes, refusal } from '../../weights/refusal';

export interface IdxArray {
  readonly shape: readonly number[];
  /** One byte per number. */
  readonly values: Uint8Array;
}

const unsignedByte = 0x08;
// MNIST's largest relative, EMNIST, has 550 MB of pixels.
const mostBytes = 2 ** 31 - 1;

/** @throws UserError for a file that cannot be read or is no IDX of bytes, whole or compressed by gzip */
export function readIdx(file: string, dimensions: number): IdxArray {
  const refuse = refusal(file, 'a file in IDX');
  return parseIdx(unzipped(readBytes(file), refuse), dimensions, refuse);
}

/** @param dimensions 1 for labels, 3 for images */
export function parseIdx(bytes: Uint8Array, dimensions: number, refuse: Refuse): IdxArray {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 4) throw refuse(`it has only ${bytes.length} bytes`);
  if (view.getUint16(0) !== 0) throw refuse('it does not begin with two zero bytes');
  const [type, count] = [view.getUint8(2), view.getUint8(3)];
  if (type !== unsignedByte) throw refuse(`its numbers are of type 0x${type.toString(16)} and not bytes (0x8)`);
  if (count !== dimensions) throw refuse(`it has ${count} dimensions instead of ${dimensions}`);
  const start = 4 + 4 * dimensions;
  if (bytes.length < start) throw refuse('it ends within its header');
  const shape = Array.from({ length: dimensions }, (_, i) => view.getUint32(4 + 4 * i));
  const wanted = shape.reduce((product, length) => product * length, 1);
  const found = bytes.length - start;
  if (found !== wanted) {
    throw refuse(`it has ${found} bytes after its header instead of ${shape.join(' x ')}`);
  }
  if (wanted === 0) throw refuse('it is empty');
  return { shape, values: bytes.subarray(start) };
}

function unzipped(bytes: Buffer, refuse: Refuse): Uint8Array {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  try {
    return gunzipSync(bytes, { maxOutputLength: mostBytes });
  } catch (error) {
    throw refuse(`its compression by gzip is damaged or cut short (${(error as Error).message})`);
  }
}
