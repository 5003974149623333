/**
 * A file of rows of numbers, one for each of a run of images in one view. A header of 72 bytes, little-endian, says what
 * they are of, so that a file in another's place is told apart:
 *
 *     8   'HSROWS\r\n'
 *     24  format, type, dimension, rows, first image, view: uint32 each
 *     32  key, SHA-256
 *     4   CRC-32 of the 64 bytes before
 *     4   0
 *
 * Then the rows: `dimension` numbers and the CRC-32 of those 64 bytes, row number and numbers. Each row having its own, one that
 * is read by itself is known to be right, at no reading of the rest.
 */
import { crc32 } from 'node:zlib';
import { UserError } from '../../system/user-error';
import { elementTypes } from '../../weights/element-types';
import { largestFloat16, toFloat16 } from './float16';

export const embeddingTypes = ['float32', 'float16'] as const;
export type EmbeddingType = (typeof embeddingTypes)[number];

/** What is the same in all shards of a cache. */
export interface EmbeddingLayout {
  /** What the rows depend on, SHA-256 in hexadecimal. */
  readonly key: string;
  readonly type: EmbeddingType;
  /** Numbers a row. */
  readonly dimension: number;
}

export interface EmbeddingShard extends EmbeddingLayout {
  readonly copy: number;
  /** The image of the first row; the others' follow. */
  readonly first: number;
  readonly count: number;
}

export const headerBytes = 72;
const format = 1;
const checksumBytes = 4;

const numberBytes = (type: EmbeddingType): number => (type === 'float16' ? 2 : 4);

/** Of a row with its checksum. */
export const embeddingBytes = ({ type, dimension }: EmbeddingLayout): number =>
  dimension * numberBytes(type) + checksumBytes;

/** Of a whole file. */
export const shardBytes = (shard: EmbeddingShard): number => headerBytes + shard.count * embeddingBytes(shard);

export function shardHeader({ key, type, dimension, count, first, copy }: EmbeddingShard): Buffer {
  const header = Buffer.alloc(headerBytes);
  header.write('HSROWS\r\n', 'latin1');
  for (const [i, value] of [format, embeddingTypes.indexOf(type), dimension, count, first, copy].entries()) {
    header.writeUInt32LE(value, 8 + 4 * i);
  }
  header.write(key, 32, 32, 'hex');
  header.writeUInt32LE(crc32(header.subarray(0, 64)), 64);
  return header;
}

/** Writes and reads the rows of one shard. */
export interface ShardCodec {
  /**
   * Rows from number `from` on as they stand in the file.
   * @throws UserError for numbers that float16 does not reach
   */
  encode(from: number, values: Float32Array): Buffer;
  /** Row number `row` into `target` [dimension]; false, and nothing is written, where its checksum is another. */
  decode(row: number, bytes: Buffer, target: Float32Array): boolean;
}

export function shardCodec(shard: EmbeddingShard): ShardCodec {
  const { type, dimension } = shard;
  const size = embeddingBytes(shard);
  // Without the header's own checksum: the CRC of anything with its CRC behind it is always the same.
  const start = crc32(shardHeader(shard).subarray(0, 64));
  const number = Buffer.alloc(4);
  const checksum = (row: number, numbers: Buffer): number => {
    number.writeUInt32LE(row);
    return crc32(numbers, crc32(number, start));
  };
  const read = elementTypes.get(type)?.read as (view: DataView, at: number) => number;
  const width = numberBytes(type);
  return {
    encode(from, values) {
      const bytes = Buffer.alloc((values.length / dimension) * size);
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      for (let row = 0, at = 0; at < bytes.length; row++) {
        const end = at + size - checksumBytes;
        for (let i = row * dimension; i < (row + 1) * dimension; i++, at += width) {
          const value = values[i] as number;
          if (type === 'float32') view.setFloat32(at, value, true);
          else view.setUint16(at, inRange(toFloat16(value), value), true);
        }
        view.setUint32(end, checksum(from + row, bytes.subarray(end - dimension * width, end)), true);
        at += checksumBytes;
      }
      return bytes;
    },
    decode(row, bytes, target) {
      const end = size - checksumBytes;
      if (bytes.length !== size || bytes.readUInt32LE(end) !== checksum(row, bytes.subarray(0, end))) return false;
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      for (let i = 0; i < dimension; i++) target[i] = read(view, i * width);
      return true;
    },
  };
}

function inRange(bits: number, value: number): number {
  if ((bits & 0x7c00) !== 0x7c00 || !Number.isFinite(value)) return bits;
  throw new UserError(
    `--teacher-cache=float16: the teacher's embeddings have a ${value}, and float16 ends at ${largestFloat16}; --teacher-cache=float32 holds it.`,
    1,
  );
}
