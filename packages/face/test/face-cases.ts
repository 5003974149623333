import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const fixtures = join(__dirname, '..', 'fixtures');
const cases = process.env.FACE_CASES;

/** The path of a file or folder of the cases; from the folder FACE_CASES where that is set, else from the fixtures. */
export const faceCases = (path: string): string => join(cases || fixtures, path);

/**
 * Bytes of a file of the evaluation cases, in a buffer of their own; from the folder FACE_CASES where that is set,
 * which has the folders `bin` and `ijbc_tiny`, else from the fixtures.
 */
export function faceCase(folder: 'bin' | 'ijbc_tiny', file: string): ArrayBuffer {
  const inFixtures = { bin: 'verification', ijbc_tiny: 'ijbc' }[folder];
  const bytes = readFileSync(cases ? join(cases, folder, file) : join(fixtures, inFixtures, file.replace('meta/', '')));
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer;
}

export const faceCaseText = (folder: 'bin' | 'ijbc_tiny', file: string): string =>
  Buffer.from(faceCase(folder, file)).toString('utf8');
