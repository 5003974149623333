import { readFileSync } from 'node:fs';
import { UserError } from '../system/user-error';

/** Makes the error that says why a file is not read. `why` is a clause: 'its header is no JSON'. */
export type Refuse = (why: string) => UserError;

/** @param as what the file was taken for: 'a PyTorch file' */
export function refusal(file: string, as: string): Refuse {
  return (why) => new UserError(`${file} cannot be read as ${as}: ${why}.`, 1);
}

/** A name that a file holds, fit for a terminal: short, and without control characters. */
export function shown(name: string): string {
  const clean = [...name.slice(0, 81)].map((letter) => (/[\p{C}\p{Z}]/u.test(letter) ? '?' : letter)).join('');
  return name.length > 80 ? `${clean.slice(0, 80)}...` : clean;
}

/** The bytes of a file. @throws UserError when it cannot be read, or is larger than what is read at once (2 GiB). */
export function readBytes(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new UserError(`${file} cannot be read: ${(error as Error).message}.`, 1);
  }
}

/** Whether `value` is a whole number from 0 on, small enough to count with. */
export const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
