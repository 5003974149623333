import { readFileSync } from 'node:fs';
import { UserError } from '../system/user-error';
import { type FileBytes, withBytesOf } from './file-bytes';

/** Makes the error for a file that cannot be read. `why` is a clause: 'its header is not JSON'. */
export type Refuse = (why: string) => UserError;

/** @param as the assumed kind of file: 'a PyTorch file' */
export function refusal(file: string, as: string): Refuse {
  return (why) => new UserError(`${file} cannot be read as ${as}: ${why}.`, 1);
}

/** A name or a line of a file, made safe for a terminal: short, and without control characters. */
export function shown(name: string): string {
  const safe = (letter: string) => (letter === ' ' || letter === '\t' ? ' ' : letter.replace(/[\p{C}\p{Z}]/u, '?'));
  const clean = [...name.slice(0, 81)].map(safe).join('');
  return name.length > 80 ? `${clean.slice(0, 80)}...` : clean;
}

/** The bytes of a file. @throws UserError when it cannot be read, or has more than 2 GiB */
export function readBytes(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new UserError(`${file} cannot be read: ${(error as Error).message}.`, 1);
  }
}

/**
 * Gives `use` the bytes of a file of any size, while the file is open.
 * @throws UserError when it cannot be read
 */
export const withFile = <T>(file: string, use: (bytes: FileBytes) => T): T =>
  withBytesOf(file, (why) => new UserError(`${file} cannot be read: ${why}.`, 1), use);

/** Whether `value` is a safe whole number from 0 on. */
export const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
