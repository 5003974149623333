import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const fixtures = join(__dirname, '..', 'fixtures');

/** The path of a file or folder of cases; FACE_CASES names another folder than the fixtures, of the same layout. */
export const faceCase = (path: string): string => join(process.env.FACE_CASES || fixtures, path);

/** A case's bytes, in a buffer of their own. */
export function faceCaseBytes(path: string): ArrayBuffer {
  const bytes = readFileSync(faceCase(path));
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer;
}

export const faceCaseText = (path: string): string => readFileSync(faceCase(path), 'utf8');

export const faceCaseJson = <T>(path: string): T => JSON.parse(faceCaseText(path)) as T;
