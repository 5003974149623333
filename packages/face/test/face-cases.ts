import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const fixtures = join(__dirname, '..', 'fixtures');

/** The path of a file or folder of the fixtures, or of the folder FACE_CASES with the same layout. */
export const faceCase = (path: string): string => join(process.env.FACE_CASES || fixtures, path);

/** The path of a fixture that FACE_CASES does not replace. */
export const ownCase = (path: string): string => join(fixtures, path);

/** The bytes of a fixture in a new buffer. */
export function faceCaseBytes(path: string): ArrayBuffer {
  const bytes = readFileSync(faceCase(path));
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer;
}

export const faceCaseText = (path: string): string => readFileSync(faceCase(path), 'utf8');

export const faceCaseJson = <T>(path: string): T => JSON.parse(faceCaseText(path)) as T;
