import { DamagedRecord } from './frame';

/** What stands before the image in a record (mxnet.recordio's IRHeader). */
export interface ImageHeader {
  /** How many labels follow; 0: there is one, in the header itself. */
  readonly flag: number;
  /** The header's own label, or the first that follows: float32, so whole numbers are exact up to 2^24. */
  readonly label: number;
  /** All labels that follow, as far as the bytes given reach. */
  readonly labels: readonly number[];
  readonly id: bigint;
  readonly id2: bigint;
  /** Where the image begins; nothing but a header where this is the record's length. */
  readonly image: number;
}

const fixedBytes = 24;
/** Bytes of a record that hold the header of all but those with many labels. */
export const usualHeaderBytes = fixedBytes + 2 * 4;

/**
 * @param bytes the beginning of a record, `usualHeaderBytes` of it or more
 * @param length of the whole record
 * @throws DamagedRecord for a record that is too short for its header
 */
export function readImageHeader(bytes: Buffer, length = bytes.length): ImageHeader {
  if (length < fixedBytes) throw new DamagedRecord(`it has ${length} bytes, fewer than the ${fixedBytes} of a header`);
  const flag = bytes.readUInt32LE(0);
  const image = fixedBytes + 4 * flag;
  if (image > length) throw new DamagedRecord(`it has ${length} bytes, and ${flag} labels are announced`);
  const there = Math.min(flag, Math.floor((bytes.length - fixedBytes) / 4));
  const labels = Array.from({ length: there }, (_, i) => bytes.readFloatLE(fixedBytes + 4 * i));
  const label = flag === 0 ? bytes.readFloatLE(4) : (labels[0] as number);
  return { flag, label, labels, id: bytes.readBigUInt64LE(8), id2: bytes.readBigUInt64LE(16), image };
}

export interface LabelledImage {
  /** A number, or a list that stands behind the header. */
  readonly label: number | readonly number[];
  readonly id: number | bigint;
  readonly id2?: number | bigint;
  /** Left out: a header alone. */
  readonly image?: Uint8Array;
}

/** A record as mxnet.recordio's `pack` makes it. */
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
export function imageOf(record: Buffer): Buffer {
  const { image } = readImageHeader(record);
  if (image === record.length) throw new DamagedRecord('it has no image');
  return record.subarray(image);
}
