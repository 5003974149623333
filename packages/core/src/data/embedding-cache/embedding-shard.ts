/**
 * A file of embeddings: those of consecutive images in one augmented copy. A header of 72 bytes, little-endian, describes
 * them, so that a file under another file's name is recognised:
 *
 *     8   'HSROWS\r\n'
 *     24  format, type, dimension, count, first image, copy: uint32 each
 *     32  key, SHA-256
 *     4   CRC-32 of the 64 bytes before
 *     4   0
 *
 * One row per embedding follows: `dimension` numbers and the CRC-32 of those 64 bytes, the row's number and the numbers.
 * So a row can be checked without reading the rest of the file.
 */
import { crc32 } from 'node:zlib';
import { toFloat16 } from '../../system/float16';
import { UserError } from '../../system/user-error';
import { elementTypes } from '../../weights/element-types';

export const embeddingTypes = ['float32', 'float16'] as const;
export type EmbeddingType = (typeof embeddingTypes)[number];

/** Common to all shards of a cache. */
export interface EmbeddingLayout {
  /** SHA-256 of everything that the embeddings depend on, in hexadecimal. */
  readonly key: string;
  readonly type: EmbeddingType;
  /** Length of an embedding. */
  readonly dimension: number;
}

export interface EmbeddingShard extends EmbeddingLayout {
  /** The number of the augmented copy (see `AugmentedCopies`). */
  readonly copy: number;
  /** The shard holds the images [first, first + count). */
  readonly first: number;
  readonly count: number;
}

export const headerBytes = 72;
const format = 1;
const checksumBytes = 4;

const numberBytes = (type: EmbeddingType): number => (type === 'float16' ? 2 : 4);

/** Bytes of a row: an embedding and its checksum. */
export const embeddingBytes = ({ type, dimension }: EmbeddingLayout): number =>
  dimension * numberBytes(type) + checksumBytes;

/** Bytes of a file. */
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

/** Converts embeddings of one shard to rows of its file and back. */
export function shardCodec(shard: EmbeddingShard) {
  const { type, dimension } = shard;
  const size = embeddingBytes(shard);
  // Without the header's own checksum: the CRC of any bytes followed by their CRC is always the same.
  const start = crc32(shardHeader(shard).subarray(0, 64));
  const number = Buffer.alloc(4);
  const checksum = (row: number, numbers: Buffer): number => {
    number.writeUInt32LE(row);
    return crc32(numbers, crc32(number, start));
  };
  const read = elementTypes.get(type)?.read as (view: DataView, at: number) => number;
  const width = numberBytes(type);
  return {
    /** Rows from number `from` on. @throws UserError for numbers beyond float16's range */
    encode(from: number, values: Float32Array): Buffer {
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
    /** Writes a row's embedding to `target` [dimension]; writes nothing and returns false if its checksum is wrong. */
    decode(row: number, bytes: Buffer, target: Float32Array): boolean {
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
    `--teacher-cache=float16: the teacher's embeddings contain ${value}, beyond float16's largest number 65504. Use --teacher-cache=float32.`,
    1,
  );
}
