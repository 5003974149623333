import { readFile } from 'node:fs/promises';
import { type ImageSize, imageSize } from '@headshare/core/system/image-size';
import { type Refuse, refusal } from '@headshare/core/weights/refusal';

/** The content of insightface's `property` file of a training set. */
export interface Property {
  readonly identities: number;
  readonly size: ImageSize;
}

/** Reads the first of the files that exists. @throws UserError for a malformed file */
export async function readProperty(files: readonly string[]): Promise<Property | undefined> {
  for (const file of files) {
    const text = await readFile(file, 'utf8').catch(() => undefined);
    if (text !== undefined) return parseProperty(text, refusal(file, "a training set's property"));
  }
  return undefined;
}

/** `93431,112,112`: identities, height, width. @throws UserError for anything else */
export function parseProperty(text: string, refuse: Refuse): Property {
  const numbers = text.trim().split(/\s*,\s*/);
  const [identities, height, width] = numbers.map(Number) as [number, number, number];
  if (numbers.length !== 3 || !numbers.every((number) => /^[1-9]\d{0,8}$/.test(number))) {
    throw refuse(`it is '${text.trim().slice(0, 40)}' instead of <identities>,<height>,<width>`);
  }
  if (Math.max(height, width) > 1024) throw refuse(`its images are ${height} x ${width}, larger than 1024`);
  return { identities, size: imageSize({ height, width }) };
}
