import { readFile, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { listedSource } from '@headshare/core/data/sources/image-source';
import { UserError } from '@headshare/core/system/user-error';
import { refusal } from '@headshare/core/weights/refusal';
import { type NamedImage, readPairsFile } from './pairs-file';
import type { VerificationSet } from './verification-set';

const endings = ['.jpg', '.png', '.jpeg', '.JPG'];
// Enough to keep a network's file system busy.
const together = 64;

/**
 * LFW as its authors distribute it: `pairs.txt` beside folders `<name>/<name>_0001.jpg`, which may also lie in a folder
 * `lfw`, `lfw_funneled`, `lfw-deepfunneled` or `images`. Images of any size are resized by their shorter side and cut to their middle when they
 * are read; faces that are not aligned as those trained on are not aligned here, which costs accuracy.
 * @throws UserError for lines that are wrong, and images that are not there
 */
export async function openLfwFolder(pairsFile: string): Promise<VerificationSet> {
  const file = resolve(pairsFile);
  const text = await readFile(file, 'utf8').catch((error) => {
    throw new UserError(`${file} cannot be read (${(error as NodeJS.ErrnoException).code ?? error}).`, 1);
  });
  const refuse = refusal(file, 'a list of pairs');
  const { pairs, folds } = readPairsFile(text, refuse);
  if (pairs.length < folds || pairs.length === 0) throw refuse('it has no pairs');
  const root = await imagesFolder(dirname(file), (pairs[0] as (typeof pairs)[number]).left);
  const named = pairs.flatMap(({ left, right }) => [left, right]);
  const rows = new Map<string, number>();
  const row = (image: NamedImage) => {
    const path = pathOf(image);
    const known = rows.get(path) ?? rows.size;
    rows.set(path, known);
    return known;
  };
  const indices = named.map(row);
  const found = await findImages(root, [...rows.keys()]);
  const images = listedSource({
    name: 'lfw',
    root,
    classNames: ['face'],
    labels: new Int32Array(found.length),
    sizes: found.map(({ size }) => size),
    path: (i) => (found[i] as (typeof found)[number]).path,
  });
  return {
    name: 'lfw',
    file,
    images,
    pairs: {
      left: Int32Array.from(pairs, (_, pair) => indices[2 * pair] as number),
      right: Int32Array.from(pairs, (_, pair) => indices[2 * pair + 1] as number),
      same: Uint8Array.from(pairs, ({ same }) => Number(same)),
      folds,
    },
  };
}

const pathOf = ({ name, number }: NamedImage) => `${name}/${name}_${String(number).padStart(4, '0')}`;

async function imagesFolder(folder: string, { name }: NamedImage): Promise<string> {
  const places = ['', 'lfw', 'lfw_funneled', 'lfw-deepfunneled', 'images'].map((below) => join(folder, below));
  for (const place of places) {
    if ((await stat(join(place, name)).catch(() => undefined))?.isDirectory()) return place;
  }
  throw new UserError(`${folder} has a pairs.txt, but no folder ${name} of its images, nor has its folder lfw.`, 1);
}

async function findImages(root: string, paths: readonly string[]) {
  const found: { readonly path: string; readonly size: number }[] = [];
  for (let from = 0; from < paths.length; from += together) {
    found.push(...(await Promise.all(paths.slice(from, from + together).map((path) => findImage(root, path)))));
  }
  return found;
}

async function findImage(root: string, path: string) {
  for (const ending of endings) {
    const info = await stat(join(root, `${path}${ending}`)).catch(() => undefined);
    if (info?.isFile()) return { path: `${path}${ending}`, size: info.size };
  }
  throw new UserError(`${join(root, path)}.jpg is in a pair, but not there.`, 1);
}
