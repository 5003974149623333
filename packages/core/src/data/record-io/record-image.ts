import { closeSync, openSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { pathOf } from '../../system/file-name';
import { readInto, readIntoSync } from '../../system/read-into';
import { DamagedRecord, unframe } from './frame';

/** The header before the image in a record (mxnet.recordio's IRHeader). */
export interface ImageHeader {
  /** The number of labels after the header; 0: the header holds the only one. */
  readonly flag: number;
  /** The header's label, or the first after it: float32, so whole numbers are exact up to 2^24. */
  readonly label: number;
  /** The labels after the header, as far as the given bytes reach. */
  readonly labels: readonly number[];
  readonly id: bigint;
  readonly id2: bigint;
  /** The image's first byte; the record's length if there is no image. */
  readonly image: number;
}

const fixedBytes = 24;
/** The bytes of a record that hold the header with up to two labels. */
export const usualHeaderBytes = fixedBytes + 2 * 4;

/**
 * @param bytes the first `usualHeaderBytes` of a record, or more
 * @param length the length of the whole record
 * @throws DamagedRecord for a record that is shorter than its header
 */
export function readImageHeader(bytes: Buffer, length = bytes.length): ImageHeader {
  if (length < fixedBytes) throw new DamagedRecord(`it has ${length} bytes, fewer than the ${fixedBytes} of a header`);
  const flag = bytes.readUInt32LE(0);
  const image = fixedBytes + 4 * flag;
  if (image > length) throw new DamagedRecord(`it has ${length} bytes, too few for its ${flag} labels`);
  const there = Math.min(flag, Math.floor((bytes.length - fixedBytes) / 4));
  const labels = Array.from({ length: there }, (_, i) => bytes.readFloatLE(fixedBytes + 4 * i));
  const label = flag === 0 ? bytes.readFloatLE(4) : (labels[0] as number);
  return { flag, label, labels, id: bytes.readBigUInt64LE(8), id2: bytes.readBigUInt64LE(16), image };
}

interface LabelledImage {
  /** A number, or a list that follows the header. */
  readonly label: number | readonly number[];
  readonly id: number | bigint;
  readonly id2?: number | bigint;
  /** Default: no image, only a header. */
  readonly image?: Uint8Array;
}

/** A record as mxnet.recordio's `pack` writes it. */
export function packImage({ label, id, id2 = 0, image = new Uint8Array() }: LabelledImage): Buffer {
  const labels = typeof label === 'number' ? [] : label;
  const header = Buffer.alloc(fixedBytes + 4 * labels.length);
  header.writeUInt32LE(labels.length);
  if (typeof label === 'number') header.writeFloatLE(label, 4);
  header.writeBigUInt64LE(BigInt(id), 8);
  header.writeBigUInt64LE(BigInt(id2), 16);
  for (const [i, value] of labels.entries()) header.writeFloatLE(value, fixedBytes + 4 * i);
  return Buffer.concat([header, image]);
}

/** The encoded image of a record. @throws DamagedRecord for a record without one */
function imageOf(record: Buffer): Buffer {
  const { image } = readImageHeader(record);
  if (image === record.length) throw new DamagedRecord('it has no image');
  return record.subarray(image);
}

interface RecordLocation {
  readonly file: string;
  readonly offset: number;
  /** Bytes from `offset` to the next record; more if that is unknown. */
  readonly length: number;
}

// Most records are far shorter: where the length is unknown, a read wastes no more than this.
const firstRead = 1 << 16;

/**
 * Reads the encoded image of a record synchronously.
 * @throws DamagedRecord that names file and byte, for a record that is damaged or has no image
 */
export function readRecordImageSync(location: RecordLocation): Buffer {
  const handle = openSync(pathOf(location.file), 'r');
  try {
    for (const count of readsOf(location)) {
      const bytes = Buffer.allocUnsafe(count);
      const image = imageIn(bytes.subarray(0, readIntoSync(handle, bytes, location.offset)), location);
      if (image) return image;
    }
    throw damaged(location, `it does not end within ${location.length} bytes`);
  } finally {
    closeSync(handle);
  }
}

/** As `readRecordImageSync`, asynchronously. */
export async function readRecordImage(location: RecordLocation): Promise<Buffer> {
  const handle = await open(pathOf(location.file), 'r');
  try {
    for (const count of readsOf(location)) {
      const bytes = Buffer.allocUnsafe(count);
      const image = imageIn(bytes.subarray(0, await readInto(handle, bytes, location.offset)), location);
      if (image) return image;
    }
    throw damaged(location, `it does not end within ${location.length} bytes`);
  } finally {
    await handle.close();
  }
}

function readsOf({ length }: RecordLocation): number[] {
  return length <= firstRead ? [length] : [firstRead, length];
}

function imageIn(bytes: Buffer, location: RecordLocation): Buffer | undefined {
  try {
    const record = unframe(bytes);
    return record && imageOf(record);
  } catch (error) {
    throw error instanceof DamagedRecord ? damaged(location, error.message) : error;
  }
}

const damaged = ({ file, offset }: RecordLocation, why: string) =>
  new DamagedRecord(`The record at byte ${offset} of ${file} cannot be read: ${why}`);
