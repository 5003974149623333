import { join } from 'node:path';

/** The path of a file or folder of cases; FACE_CASES names another folder than our own. */
export function faceCases(path: string): string {
  return join(process.env.FACE_CASES || join(__dirname, '../fixtures'), path);
}
