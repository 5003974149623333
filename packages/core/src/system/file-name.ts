/**
 * Names of files are bytes, which need not be UTF-8. In strings, each byte that is not part of UTF-8 is a lone surrogate
 * (0xE9 is U+DCE9), as Python's surrogateescape writes it; so equal strings are equal names.
 */

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const firstSurrogate = 0xdc00;
const loneSurrogate = /\p{Surrogate}/u;
const loneSurrogates = /\p{Surrogate}/gu;

/** The name of these bytes. */
export function nameOf(bytes: Uint8Array): string {
  return decoded(bytes) ?? escaped(bytes);
}

/** A path for `node:fs`: bytes, where a name in it is not UTF-8. */
export function pathOf(path: string): string | Buffer {
  if (!loneSurrogate.test(path)) return path;
  return Buffer.concat(
    Array.from(path, (letter) =>
      loneSurrogate.test(letter) ? Buffer.of(letter.charCodeAt(0) & 0xff) : Buffer.from(letter),
    ),
  );
}

/** A text to print: bytes that are not UTF-8 are written as `\xE9`. */
export const shownName = (text: string): string =>
  text.replace(
    loneSurrogates,
    (letter) => `\\x${(letter.charCodeAt(0) & 0xff).toString(16).toUpperCase().padStart(2, '0')}`,
  );

function decoded(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}

function escaped(bytes: Uint8Array): string {
  let name = '';
  for (let at = 0; at < bytes.length; ) {
    const end = at + sequenceBytes(bytes[at] as number);
    const letter = end <= bytes.length ? decoded(bytes.subarray(at, end)) : undefined;
    name += letter ?? String.fromCharCode(firstSurrogate + (bytes[at] as number));
    at = letter === undefined ? at + 1 : end;
  }
  return name;
}

/** The length of UTF-8's sequence that begins with this byte. */
const sequenceBytes = (first: number): number => (first < 0xc0 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4);
