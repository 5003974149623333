import { join } from 'node:path';
import type { ByteSource } from '../src/data/record-io/window';

/** The path of a file of RecordIO cases; the environment variable FACE_CASES replaces the fixtures' folder. */
export const recordCase = (name: string): string =>
  join(process.env.FACE_CASES || join(__dirname, '../fixtures'), 'rec', name);

/** A source of bytes in memory. */
export const bytesInMemory = (bytes: Buffer): ByteSource => {
  const part = (position: number, count: number) => bytes.subarray(position, position + count);
  return { size: bytes.length, read: async (position, count) => part(position, count), peek: part };
};
