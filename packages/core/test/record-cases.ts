import { join } from 'node:path';

/** The path of a file of cases; FACE_CASES names another folder than our own. */
export const recordCase = (name: string): string =>
  join(process.env.FACE_CASES || join(__dirname, '../fixtures'), 'rec', name);
