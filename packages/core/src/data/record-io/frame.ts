/**
 * MXNet's RecordIO (dmlc-core's recordio.h): records one after another with nothing before, between or behind them. A
 * record is cut into parts wherever its own bytes hold the magic number at a multiple of 4; those 4 bytes are left out.
 */
export const magic = 0xced7230a;

/** The magic number, then the kind of part (3 bits) and its length (29 bits). */
export const headBytes = 8;
/** Of a record, in bytes; MXNet's writer refuses longer ones. */
export const longestRecord = 2 ** 29 - 1;

/** Kinds of part: a whole record, or the first, a middle or the last part of one. */
export const partKinds = { whole: 0, first: 1, middle: 2, last: 3 } as const;

/** Why a record cannot be read, as a clause: 'it does not begin with the magic number'. */
export class DamagedRecord extends Error {}

export interface PartHead {
  readonly length: number;
  /** Whether the record ends with this part. */
  readonly last: boolean;
  /** Bytes from the part's beginning to what follows it: parts begin at multiples of 4. */
  readonly bytes: number;
}

/** Whether a record may begin with these 8 bytes. */
export function beginsRecord(bytes: Buffer, at = 0): boolean {
  return bytes.length - at >= headBytes && bytes.readUInt32LE(at) === magic && bytes.readUInt32LE(at + 4) >>> 29 < 2;
}

/** @param number of the part within its record, from 0. @throws DamagedRecord */
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
  if (!ends && length % 4 !== 0)
    throw new DamagedRecord(`${part} has ${length} bytes, no multiple of 4, before another`);
  return { length, last: ends, bytes: headBytes + length + (-length & 3) };
}

/**
 * The bytes of the record that begins at `at`: a view of `bytes` unless it was cut into parts. Undefined where it goes on
 * behind them. @throws DamagedRecord
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
    // What was left out before the next part is that part's own magic number.
    const until = last ? from + length : from + length + 4;
    if (until > bytes.length) return undefined;
    parts.push(bytes.subarray(from, until));
    total += until - from;
    if (total > longestRecord) throw new DamagedRecord(`it is longer than the ${longestRecord} bytes of any record`);
    if (last) return Buffer.concat(parts);
    position += whole;
  }
}

/** A record as it stands in a file. @throws RangeError for one that is too long */
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
  // Only the last part may have a length that is no multiple of 4, and parts begin at those of the record.
  return Buffer.concat([...parts, Buffer.alloc(-length & 3)]);
}
