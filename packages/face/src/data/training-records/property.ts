import { readFile } from 'node:fs/promises';
import type { UserError } from '@headshare/core/system/user-error';

/** What insightface's `property` says of a training set. */
export interface Property {
  readonly identities: number;
  /** Side of its square images in pixels. */
  readonly size: number;
}

/** `93431,112,112`: identities, height, width. @throws UserError for all else */
export function parseProperty(text: string, refuse: (why: string) => UserError): Property {
  const numbers = text.trim().split(/\s*,\s*/);
  const [identities, height, width] = numbers.map(Number) as [number, number, number];
  if (numbers.length !== 3 || !numbers.every((number) => /^[1-9]\d{0,8}$/.test(number))) {
    throw refuse(`it is '${text.trim().slice(0, 40)}' instead of <identities>,<height>,<width>`);
  }
  if (height !== width || height > 1024) throw refuse(`its images are ${height} x ${width}, not square`);
  return { identities, size: height };
}

/** Undefined where there is no such file. */
export async function readPropertyText(file: string): Promise<string | undefined> {
  return readFile(file, 'utf8').catch(() => undefined);
}
