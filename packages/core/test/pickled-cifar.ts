import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CifarKind, type CifarName, cifarKinds } from '../src/data/cifar/kinds';
import { pixelBytes } from '../src/data/cifar/records';
import { exampleLabels, exampleNames, examplePlanes } from '../src/data/example/cifar-files';
import { ByteArray, type Picklable, pickle } from '../src/data/example/pickle-writer';

/** Writes the images of `writeCifarExample` as pickles and returns the folder of its files. */
export function writePickledCifar(folder: string, name: CifarName, images = 8, python: 2 | 3 = 2): string {
  const kind: CifarKind = cifarKinds[name];
  const [, format] = cifarKinds[name].formats;
  const at = join(folder, format.folder);
  mkdirSync(at, { recursive: true });
  const { fine, coarse } = kind.labelKeys;
  for (const [f, file] of [...format.train, format.test].entries()) {
    const each = <T>(make: (i: number) => T) => Array.from({ length: images }, (_, i) => make(i));
    const content = new Map<string, Picklable>([
      ['filenames', each((i) => `image_${f}_${i}.png`)],
      ['batch_label', `batch ${f + 1}`],
      [fine, each((i) => exampleLabels(kind, f, i).fine)],
      ...(coarse === undefined ? [] : [[coarse, each((i) => exampleLabels(kind, f, i).coarse)] as const]),
      ['data', new ByteArray([images, pixelBytes], Buffer.concat(each((i) => examplePlanes(kind, f, i))))],
    ]);
    writeFileSync(join(at, file), pickle(content, python));
  }
  const names = exampleNames(kind);
  const { fine: fineKey, coarse: coarseKey }: { fine: string; coarse?: string } = format.nameKeys;
  const pickled = [[fineKey, names.fine] as const, ...(coarseKey ? [[coarseKey, names.coarse] as const] : [])];
  writeFileSync(join(at, format.names.fine), pickle(new Map(pickled), python));
  return at;
}
