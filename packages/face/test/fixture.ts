import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const folder = join(__dirname, '..', 'fixtures');

export function fixtureJson<T>(path: string): T {
  return JSON.parse(readFileSync(join(folder, path), 'utf8')) as T;
}

export function fixtureFloat32(path: string): Float32Array {
  return new Float32Array(copyOf(path));
}

export function fixtureFloat64(path: string): Float64Array {
  return new Float64Array(copyOf(path));
}

export function fixtureLines(path: string): string[] {
  return readFileSync(join(folder, path), 'utf8').trimEnd().split('\n');
}

/** Bytes in a buffer of their own: a file read through Node's pool may begin at an odd offset. */
function copyOf(path: string): ArrayBuffer {
  const bytes = readFileSync(join(folder, path));
  const buffer = new ArrayBuffer(bytes.length);
  new Uint8Array(buffer).set(bytes);
  return buffer;
}

/** The path of a file of cases; FACE_CASES names another folder than our own. */
export const casePath = (path: string): string => join(process.env.FACE_CASES || folder, path);
