/**
 * MXNet's RecordIO (dmlc-core's recordio.h): records one after another, without gaps. A record is cut into parts wherever
 * its own bytes hold the magic number at a multiple of 4; the file omits those 4 bytes.
 */
export const magic = 0xced7230a;

/** Before each part: the magic number, then the kind of part (3 bits) and its length (29 bits). */
export const headBytes = 8;
/** The most bytes of a record; MXNet's writer refuses longer ones. */
export const longestRecord = 2 ** 29 - 1;

/** Kinds of part: a whole record, or the first, a middle or the last part of one. */
const partKinds = { whole: 0, first: 1, middle: 2, last: 3 } as const;

/** A record that cannot be read; the message is a clause: 'it does not begin with the magic number'. */
export class DamagedRecord extends Error {}

export interface PartHead {
  readonly length: number;
  /** Whether the record ends with this part. */
  readonly last: boolean;
  /** Bytes from the start of this part to the start of the next: parts start at multiples of 4. */
  readonly bytes: number;
}

/** Whether a record may begin with these 8 bytes. */
export function beginsRecord(bytes: Buffer, at = 0): boolean {
  return bytes.length - at >= headBytes && bytes.readUInt32LE(at) === magic && bytes.readUInt32LE(at + 4) >>> 29 < 2;
}

/** @param number the part's number within its record, from 0. @throws DamagedRecord */
export function readPartHead(bytes: Buffer, at: number, number: number): PartHead {
  const part = number === 0 ? 'it' : `part ${number + 1} of it`;
  if (bytes.readUInt32LE(at) !== magic) throw new DamagedRecord(`${part} does not begin with the magic number`);
  const word = bytes.readUInt32LE(at + 4);
  const kind = word >>> 29;
  const length = word & longestRecord;
  const { whole, first, middle, last } = partKinds;
  if (number === 0 ? kind !== whole && kind !== first : kind !== middle && kind !== last) {
    throw new DamagedRecord(`${part} is marked as a part of kind ${kind}`);
  }
  const ends = kind === whole || kind === last;
  if (!ends && length % 4 !== 0) {
    throw new DamagedRecord(`${part} has ${length} bytes, not a multiple of 4, and another part follows`);
  }
  return { length, last: ends, bytes: headBytes + length + (-length & 3) };
}

/**
 * The record that begins at `at`: a view of `bytes`, or a copy if the record is cut into parts. Undefined if it does not
 * end within `bytes`. @throws DamagedRecord
 */
export function unframe(bytes: Buffer, at = 0): Buffer | undefined {
  const parts: Buffer[] = [];
  let total = 0;
  for (let position = at; ; ) {
    if (bytes.length - position < headBytes) return undefined;
    const { length, last, bytes: whole } = readPartHead(bytes, position, parts.length);
    const from = position + headBytes;
    if (from + length > bytes.length) return undefined;
    if (last && parts.length === 0) return bytes.subarray(from, from + length);
    // The omitted bytes before the next part equal that part's own magic number.
    const until = last ? from + length : from + length + 4;
    if (until > bytes.length) return undefined;
    parts.push(bytes.subarray(from, until));
    total += until - from;
    if (total > longestRecord) throw new DamagedRecord(`it is longer than the ${longestRecord} bytes of any record`);
    if (last) return Buffer.concat(parts);
    position += whole;
  }
}

/** The bytes of a record in a file. @throws RangeError for a record that is too long */
export function frame(record: Uint8Array): Buffer {
  const { length } = record;
  if (length > longestRecord) throw new RangeError(`A record has at most ${longestRecord} bytes, not ${length}`);
  const bytes = Buffer.from(record.buffer, record.byteOffset, length);
  const cuts: number[] = [];
  for (let at = 0; at + 4 <= length; at += 4) if (bytes.readUInt32LE(at) === magic) cuts.push(at);
  const parts: Buffer[] = [];
  let from = 0;
  for (const [i, until] of [...cuts, length].entries()) {
    const ends = i === cuts.length;
    const kind = ends ? (i === 0 ? partKinds.whole : partKinds.last) : i === 0 ? partKinds.first : partKinds.middle;
    const head = Buffer.alloc(headBytes);
    head.writeUInt32LE(magic);
    head.writeUInt32LE(((kind << 29) | (until - from)) >>> 0, 4);
    parts.push(head, bytes.subarray(from, until));
    from = until + 4;
  }
  // Only the last part can have a length that is not a multiple of 4: the cuts are at multiples of 4.
  return Buffer.concat([...parts, Buffer.alloc(-length & 3)]);
}
