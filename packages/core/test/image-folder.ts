import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { ImageLocation, ImageSource } from '../src/data/sources/image-source';

export const fixturesFolder = join(__dirname, '../fixtures/images');
const pictures = [
  'colour.jpg',
  'progressive.jpg',
  'grey.jpg',
  'turned.jpg',
  'palette.png',
  'alpha.png',
  'lossless.webp',
];

/** Copies `count` fixtures into a folder and returns them as a source with two alternating classes. */
export function folderOfFixtures(folder: string, count: number): ImageSource {
  mkdirSync(folder, { recursive: true });
  const files = Array.from({ length: count }, (_, i) => {
    const picture = pictures[i % pictures.length] as string;
    const file = join(folder, `${i}-${picture}`);
    copyFileSync(join(fixturesFolder, picture), file);
    return file;
  });
  return {
    name: 'fixtures',
    classes: 2,
    classNames: ['even', 'odd'],
    labels: Int32Array.from({ length: count }, (_, i) => i % 2),
    fingerprint: 'fixtures',
    locate: (index): ImageLocation => ({ file: files[index] as string }),
  };
}
