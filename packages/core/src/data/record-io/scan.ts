import { beginsRecord, DamagedRecord, headBytes, longestRecord, magic, readPartHead } from './frame';
import type { ByteSource } from './window';

/** A record that a scan passes. */
export interface PassedRecord {
  /** Of its first part. */
  readonly offset: number;
  /** Bytes of the record, without what frames its parts. */
  readonly length: number;
  /** Where the next one begins. */
  readonly end: number;
  /** Its first bytes, as many as were asked for; valid during the call. */
  readonly head: Buffer;
}

/** Bytes of a file that hold no record that can be read. */
export interface LostBytes {
  readonly from: number;
  readonly until: number;
  /** A clause: 'it does not begin with the magic number'. */
  readonly why: string;
}

export interface ScanOptions {
  /** Called for each record, in the order of the file. */
  readonly visit: (record: PassedRecord) => void;
  /** How many bytes of each record are wanted. */
  readonly head: number;
  /** Hears of bytes passed, now and then. */
  readonly onProgress?: (done: number, total: number) => void;
}

const progressBytes = 1 << 26;

/**
 * Passes all records of a file. After one that is damaged it goes on with the next place where one may begin: a magic
 * number at a multiple of 4, which no record holds within itself.
 * @returns what was lost, in the order of the file
 */
export async function scanRecords(file: ByteSource, { visit, head, onProgress }: ScanOptions): Promise<LostBytes[]> {
  const lost: LostBytes[] = [];
  let reported = 0;
  for (let position = 0; position < file.size; ) {
    if (position - reported >= progressBytes) {
      reported = position;
      onProgress?.(position, file.size);
    }
    const record = await passRecord(file, position, head);
    if (typeof record === 'string') {
      const next = await nextStart(file, position + 4, file.size);
      lost.push({ from: position, until: next, why: record });
      position = next;
      continue;
    }
    const behind = record.end;
    if (behind >= file.size || beginsRecord(await file.read(behind, headBytes))) {
      visit(record);
      position = behind;
      continue;
    }
    // Nothing begins where this one ends: either it is longer than it should be, or what follows is damaged.
    const next = await nextStart(file, position + headBytes, file.size);
    if (next < behind) lost.push({ from: position, until: next, why: 'it reaches over the beginning of another' });
    else {
      visit(record);
      lost.push({ from: behind, until: next, why: 'it does not begin as a record does' });
    }
    position = next;
  }
  onProgress?.(file.size, file.size);
  return lost;
}

/** The record at an offset, or why there is none. */
export async function passRecord(file: ByteSource, offset: number, head: number): Promise<PassedRecord | string> {
  const cutOff = 'the file ends within it';
  const pieces: Buffer[] = [];
  let [gathered, length] = [0, 0];
  let position = offset;
  try {
    for (let number = 0; ; number++) {
      // Waiting for what is at hand would take longer than the work itself.
      const bytes = file.peek(position, headBytes) ?? (await file.read(position, headBytes));
      if (bytes.length < headBytes) return cutOff;
      const part = readPartHead(bytes, 0, number);
      const from = position + headBytes;
      if (from + part.length > file.size) return cutOff;
      // Before a part that is not the first stood its magic number.
      const wanted = Math.min(part.length + (part.last ? 0 : 4), head - gathered);
      if (wanted > 0) {
        const piece = file.peek(from, wanted) ?? (await file.read(from, wanted));
        pieces.push(part.last && number === 0 ? piece : Buffer.from(piece));
        gathered += wanted;
      }
      length += part.length + (part.last ? 0 : 4);
      if (length > longestRecord) return `it is longer than the ${longestRecord} bytes of any record`;
      position += part.bytes;
      if (!part.last) continue;
      return {
        offset,
        length,
        end: position,
        head: pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces),
      };
    }
  } catch (error) {
    if (error instanceof DamagedRecord) return error.message;
    throw error;
  }
}

const magicBytes = Buffer.alloc(4);
magicBytes.writeUInt32LE(magic);

/** The first place from `from` on where a record may begin; `until` where there is none before. */
async function nextStart(file: ByteSource, from: number, until: number): Promise<number> {
  const piece = 1 << 16;
  for (let position = from + (-from & 3); position < until; ) {
    const bytes = await file.read(position, piece);
    for (let at = bytes.indexOf(magicBytes); at >= 0; at = bytes.indexOf(magicBytes, at + 1)) {
      if ((position + at) % 4 !== 0) continue;
      const start = position + at;
      // The 8 bytes may go on behind this piece.
      if (
        at + headBytes <= bytes.length
          ? beginsRecord(bytes, at)
          : beginsRecord(Buffer.from(await file.read(start, headBytes)))
      )
        return start;
      if (at + headBytes > bytes.length) break;
    }
    if (bytes.length < piece) break;
    position += piece - headBytes;
  }
  return until;
}
