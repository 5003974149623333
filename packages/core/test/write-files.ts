import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Writes files of one letter, or empty folders (with a '/' at the end), below a folder. */
export function writeFiles(folder: string, ...names: readonly string[]): void {
  for (const name of names) {
    const path = join(folder, name);
    mkdirSync(name.endsWith('/') ? path : dirname(path), { recursive: true });
    if (!name.endsWith('/')) writeFileSync(path, 'x');
  }
}

/** Two pictures of two classes below a folder: `train/cat/0.jpg` ... */
export const twoClasses = (below: string): string[] =>
  ['cat/0.jpg', 'cat/1.jpg', 'dog/0.jpg', 'dog/1.jpg'].map((name) => `${below}/${name}`);
