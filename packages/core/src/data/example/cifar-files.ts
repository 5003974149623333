import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CifarKind, type CifarName, cifarKinds } from '../cifar/kinds';
import { pixelBytes } from '../cifar/records';
import { ByteArray, type Picklable, pickle } from './pickle-writer';

export interface CifarExample {
  readonly kind: CifarName;
  readonly format: 'binary' | 'pickle';
  /** Default 2. */
  readonly python?: 2 | 3;
  /** Images in each file; default 8. */
  readonly images?: number;
}

/** The labels of image i of file f (files count from the first batch on, the test file last). */
export const exampleLabels = (kind: CifarKind, f: number, i: number) => {
  const fine = (3 * i + f) % kind.classes;
  return { fine, coarse: fine % (kind.coarseClasses ?? 1) };
};

/** The byte of a pixel of image i of file f: a colour of the class with a gradient to the right and down. */
export function examplePixel(fine: number, f: number, i: number, x: number, y: number, channel: number): number {
  return (fine * (37 + 50 * channel) + f * 11 + i * 5 + x * (channel + 1) + y * 2) % 256;
}

/** Writes a tiny CIFAR as its archive unpacks and returns the folder of its files. */
export function writeCifarExample(
  folder: string,
  { kind: name, format: formatName, python, images = 8 }: CifarExample,
) {
  const kind: CifarKind = cifarKinds[name];
  const format = kind.formats.find((it) => it.name === formatName);
  if (!format) throw new RangeError(`${kind.title} is not distributed as ${formatName}`);
  const at = join(folder, format.folder);
  mkdirSync(at, { recursive: true });
  const files = [...format.train, format.test];
  for (const [f, file] of files.entries()) {
    const content = formatName === 'binary' ? binary(kind, f, images) : pickled(kind, f, images, python);
    writeFileSync(join(at, file), content);
  }
  const fine = Array.from({ length: kind.classes }, (_, label) => `class_${label}`);
  const coarse = Array.from({ length: kind.coarseClasses ?? 0 }, (_, label) => `superclass_${label}`);
  if (format.nameKeys) {
    const { fine: fineKey, coarse: coarseKey } = format.nameKeys;
    const names = new Map([[fineKey, fine], ...(coarseKey === undefined ? [] : [[coarseKey, coarse] as const])]);
    writeFileSync(join(at, format.names.fine), pickle(names, python));
  } else {
    writeFileSync(join(at, format.names.fine), `${fine.join('\n')}\n\n`);
    if (format.names.coarse !== undefined) writeFileSync(join(at, format.names.coarse), `${coarse.join('\n')}\n`);
  }
  return at;
}

function planes(kind: CifarKind, f: number, i: number): Uint8Array {
  const { fine } = exampleLabels(kind, f, i);
  return Uint8Array.from({ length: pixelBytes }, (_, at) =>
    examplePixel(fine, f, i, at % 32, Math.floor(at / 32) % 32, Math.floor(at / 1024)),
  );
}

function binary(kind: CifarKind, f: number, images: number): Buffer {
  return Buffer.concat(
    Array.from({ length: images }, (_, i) => {
      const { fine, coarse } = exampleLabels(kind, f, i);
      return Buffer.concat([Uint8Array.from(kind.labelBytes === 2 ? [coarse, fine] : [fine]), planes(kind, f, i)]);
    }),
  );
}

function pickled(kind: CifarKind, f: number, images: number, python: 2 | 3 | undefined): Buffer {
  const each = <T>(make: (i: number) => T) => Array.from({ length: images }, (_, i) => make(i));
  const { fine, coarse } = kind.labelKeys;
  const content = new Map<string, Picklable>([
    ['filenames', each((i) => `image_${f}_${i}.png`)],
    ['batch_label', `batch ${f + 1}`],
    [fine, each((i) => exampleLabels(kind, f, i).fine)],
    ...(coarse === undefined ? [] : [[coarse, each((i) => exampleLabels(kind, f, i).coarse)] as const]),
    ['data', new ByteArray([images, pixelBytes], Buffer.concat(each((i) => planes(kind, f, i))))],
  ]);
  return pickle(content, python);
}
