import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CifarKind, type CifarName, cifarKinds } from '../cifar/kinds';
import { pixelBytes } from '../cifar/records';

/** The labels of image i of file f; the test file is the last. */
export const exampleLabels = (kind: CifarKind, f: number, i: number) => {
  const fine = (3 * i + f) % kind.classes;
  return { fine, coarse: fine % (kind.coarseClasses ?? 1) };
};

/** The names of all classes and superclasses. */
export const exampleNames = (kind: CifarKind) => ({
  fine: Array.from({ length: kind.classes }, (_, label) => `class_${label}`),
  coarse: Array.from({ length: kind.coarseClasses ?? 0 }, (_, label) => `superclass_${label}`),
});

/** The byte of a pixel of image i of file f: a colour of the class with a gradient to the right and down. */
export function examplePixel(fine: number, f: number, i: number, x: number, y: number, channel: number): number {
  return (fine * (37 + 50 * channel) + f * 11 + i * 5 + x * (channel + 1) + y * 2) % 256;
}

/** The pixels of image i of file f, in planes. */
export function examplePlanes(kind: CifarKind, f: number, i: number): Uint8Array {
  const { fine } = exampleLabels(kind, f, i);
  return Uint8Array.from({ length: pixelBytes }, (_, at) =>
    examplePixel(fine, f, i, at % 32, Math.floor(at / 32) % 32, Math.floor(at / 1024)),
  );
}

/**
 * Writes a tiny CIFAR in binary files, as its archive unpacks.
 * @param images the number of images in each file
 * @returns the folder of the files
 */
export function writeCifarExample(folder: string, name: CifarName, images = 8): string {
  const kind: CifarKind = cifarKinds[name];
  const [{ folder: below, train, test, names }] = cifarKinds[name].formats;
  const at = join(folder, below);
  mkdirSync(at, { recursive: true });
  for (const [f, file] of [...train, test].entries()) {
    const records = Array.from({ length: images }, (_, i) => {
      const { fine, coarse } = exampleLabels(kind, f, i);
      return [Uint8Array.from(kind.labelBytes === 2 ? [coarse, fine] : [fine]), examplePlanes(kind, f, i)];
    });
    writeFileSync(join(at, file), Buffer.concat(records.flat()));
  }
  const { fine, coarse } = exampleNames(kind);
  writeFileSync(join(at, names.fine), `${fine.join('\n')}\n\n`);
  if ('coarse' in names) writeFileSync(join(at, names.coarse), `${coarse.join('\n')}\n`);
  return at;
}
