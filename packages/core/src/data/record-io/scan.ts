import { beginsRecord, DamagedRecord, headBytes, longestRecord, magic, readPartHead } from './frame';
import type { ByteSource } from './window';

export interface ScannedRecord {
  /** The offset of its first part. */
  readonly offset: number;
  /** Bytes of the record, without the heads of its parts. */
  readonly length: number;
  /** Where the next record begins. */
  readonly end: number;
  /** Its first bytes, as many as were requested; valid during the call. */
  readonly head: Buffer;
}

/** Bytes of a file without a readable record. */
export interface LostBytes {
  readonly from: number;
  readonly until: number;
  /** A clause: 'it does not begin with the magic number'. */
  readonly why: string;
}

export interface ScanOptions {
  /** Called for each record, in the order of the file. */
  readonly visit: (record: ScannedRecord) => void;
  /** How many bytes of each record `visit` gets. */
  readonly head: number;
  /** Gets the number of scanned bytes and of all bytes, every 64 MiB. */
  readonly onProgress?: (done: number, total: number) => void;
}

const progressBytes = 1 << 26;

/**
 * Scans all records of a file. After a damaged record it continues at the next magic number at a multiple of 4, which
 * only occurs where a part begins.
 * @returns the unreadable bytes, in the order of the file
 */
export async function scanRecords(file: ByteSource, { visit, head, onProgress }: ScanOptions): Promise<LostBytes[]> {
  const lost: LostBytes[] = [];
  let reported = 0;
  for (let position = 0; position < file.size; ) {
    if (position - reported >= progressBytes) {
      reported = position;
      onProgress?.(position, file.size);
    }
    const record = await scanRecord(file, position, head);
    if (typeof record === 'string') {
      const next = await nextStart(file, position + 4);
      lost.push({ from: position, until: next, why: record });
      position = next;
      continue;
    }
    const { end } = record;
    if (end >= file.size || beginsRecord(await file.read(end, headBytes))) {
      visit(record);
      position = end;
      continue;
    }
    // No record begins where this one ends: either its length is wrong, or the next record is damaged.
    const next = await nextStart(file, position + headBytes);
    if (next < end) lost.push({ from: position, until: next, why: 'it overlaps the next record' });
    else {
      visit(record);
      lost.push({ from: end, until: next, why: 'it does not begin like a record' });
    }
    position = next;
  }
  onProgress?.(file.size, file.size);
  return lost;
}

/** The record at an offset, or the reason why there is none. */
export async function scanRecord(file: ByteSource, offset: number, head: number): Promise<ScannedRecord | string> {
  const cutOff = 'the file ends within it';
  const pieces: Buffer[] = [];
  let [collected, length] = [0, 0];
  let position = offset;
  try {
    for (let number = 0; ; number++) {
      // Awaiting bytes that are in memory would take longer than the work itself.
      const bytes = file.peek(position, headBytes) ?? (await file.read(position, headBytes));
      if (bytes.length < headBytes) return cutOff;
      const part = readPartHead(bytes, 0, number);
      const from = position + headBytes;
      if (from + part.length > file.size) return cutOff;
      // The record holds a magic number before each part but the first.
      const wanted = Math.min(part.length + (part.last ? 0 : 4), head - collected);
      if (wanted > 0) {
        const piece = file.peek(from, wanted) ?? (await file.read(from, wanted));
        pieces.push(part.last && number === 0 ? piece : Buffer.from(piece));
        collected += wanted;
      }
      length += part.length + (part.last ? 0 : 4);
      if (length > longestRecord) return `it is longer than the ${longestRecord} bytes of any record`;
      position += part.bytes;
      if (!part.last) continue;
      const [first, ...more] = pieces;
      return { offset, length, end: position, head: first && more.length === 0 ? first : Buffer.concat(pieces) };
    }
  } catch (error) {
    if (error instanceof DamagedRecord) return error.message;
    throw error;
  }
}

const magicBytes = Buffer.alloc(4);
magicBytes.writeUInt32LE(magic);

/** The first offset from `from` on where a record may begin; the file's size if there is none. */
async function nextStart(file: ByteSource, from: number): Promise<number> {
  const piece = 1 << 16;
  for (let position = from + (-from & 3); position < file.size; ) {
    const bytes = await file.read(position, piece);
    for (let at = bytes.indexOf(magicBytes); at >= 0; at = bytes.indexOf(magicBytes, at + 1)) {
      if ((position + at) % 4 !== 0) continue;
      const start = position + at;
      const isWithin = at + headBytes <= bytes.length;
      if (isWithin ? beginsRecord(bytes, at) : beginsRecord(await file.read(start, headBytes))) return start;
      if (!isWithin) break;
    }
    if (bytes.length < piece) break;
    position += piece - headBytes;
  }
  return file.size;
}
