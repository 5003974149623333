/**
 * The bytes of a file of any size. Node's Buffers hold at most 4 GiB (Node 20), and one read takes less than 2 GiB; an
 * ArrayBuffer, and with it a tensor, may be larger.
 */
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { readIntoSync } from '../system/read-into';
import type { UserError } from '../system/user-error';

export interface FileBytes {
  readonly length: number;
  /** The bytes from `from` to `to`, which must be few enough for a Buffer. */
  bytes(from: number, to: number): Buffer;
  /** The bytes from `from` to `to`, of any size. */
  view(from: number, to: number): DataView<ArrayBuffer>;
}

/** What is read, copied or hashed at once, in bytes. */
export const pieceBytes = 2 ** 30;

/** Bytes that are in memory already, not copied. */
export const inMemory = (all: Buffer): FileBytes => ({
  length: all.length,
  bytes: (from, to) => all.subarray(from, to),
  view: (from, to) => new DataView(all.buffer as ArrayBuffer, all.byteOffset + from, to - from),
});

/** Makes the error for a file that cannot be read. @param why the file system's message */
export type Unreadable = (why: string) => UserError;

/**
 * Gives `use` the bytes of a file, which are read as they are asked for; the file is open until `use` returns.
 * @throws UserError by `unreadable`
 */
export function withBytesOf<T>(file: string, unreadable: Unreadable, use: (bytes: FileBytes) => T): T {
  const attempt = orUnreadable(unreadable);
  const descriptor = attempt(() => openSync(file, 'r'));
  try {
    const stats = attempt(() => fstatSync(descriptor));
    // A pipe has no size, and a folder no content.
    if (!stats.isFile()) return use(inMemory(attempt(() => readFileSync(descriptor))));
    return use(onDisk(descriptor, stats.size, unreadable));
  } finally {
    closeSync(descriptor);
  }
}

/** @param most the most bytes of one read */
export function onDisk(descriptor: number, length: number, unreadable: Unreadable, most = pieceBytes): FileBytes {
  const attempt = orUnreadable(unreadable);
  const view = (from: number, to: number): DataView<ArrayBuffer> => {
    const all = new ArrayBuffer(to - from);
    for (const [start, end] of ranges(all.byteLength, most)) {
      const piece = new Uint8Array(all, start, end - start);
      const read = attempt(() => readIntoSync(descriptor, piece, from + start));
      if (read < piece.length) throw unreadable('it was cut short while it was read');
    }
    return new DataView(all);
  };
  return { length, view, bytes: (from, to) => Buffer.from(view(from, to).buffer) };
}

const orUnreadable =
  (unreadable: Unreadable) =>
  <T>(work: () => T): T => {
    try {
      return work();
    } catch (error) {
      throw unreadable((error as Error).message);
    }
  };

/** Consecutive ranges, `most` long or shorter, that cover `length`. */
export function* ranges(length: number, most = pieceBytes): Generator<readonly [from: number, to: number]> {
  for (let from = 0; from < length; from += most) yield [from, Math.min(from + most, length)];
}

/** The bytes of numbers, not copied, in pieces that fit into a Buffer. */
export function* bytesInPieces(numbers: ArrayBufferView, most = pieceBytes): Generator<Buffer> {
  const { buffer, byteOffset, byteLength } = numbers;
  for (const [from, to] of ranges(byteLength, most)) {
    yield Buffer.from(buffer as ArrayBuffer, byteOffset + from, to - from);
  }
}

/** CRC-32 of data of any size. @param before the sum of what precedes it */
export function checksumOf(data: ArrayBufferView, before = 0): number {
  let sum = before;
  for (const piece of bytesInPieces(data)) sum = crc32(piece, sum);
  return sum;
}
