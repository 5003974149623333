import type { Stats } from 'node:fs';
import { stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { listedSource } from '@headshare/core/data/sources/image-source';
import { isFolder } from '@headshare/core/system/archive';
import { pathOf as fsPath, nameOf } from '@headshare/core/system/file-name';
import { contentStamp, isSmall, statStamp } from '@headshare/core/system/file-stamps';
import { UserError } from '@headshare/core/system/user-error';
import { readBytes, refusal } from '@headshare/core/weights/refusal';
import { type NamedImage, readPairsFile } from './pairs-file';
import type { VerificationSet } from './verification-set';

const endings = ['.jpg', '.png', '.jpeg', '.JPG'];
/** Files requested at once: enough for a network file system. */
const atOnce = 64;

/**
 * Opens LFW as its authors distribute it: `pairs.txt` beside images `<name>/<name>_0001.jpg`, which may also be in a
 * folder `lfw`, `lfw_funneled`, `lfw-deepfunneled` or `images`. Images of any size are resized by their shorter side and
 * cropped to their centre. Faces are not aligned here, which costs accuracy if the training faces are.
 * @throws UserError for malformed lines and missing images
 */
export async function openLfwFolder(pairsFile: string): Promise<VerificationSet> {
  const file = resolve(pairsFile);
  const refuse = refusal(file, 'a list of pairs');
  const { pairs, folds } = readPairsFile(nameOf(readBytes(file)), refuse);
  if (pairs.length < folds || pairs.length === 0) throw refuse('it has no pairs');
  const root = imagesFolder(dirname(file), (pairs[0] as (typeof pairs)[number]).left);
  const paths = [...new Set(pairs.flatMap(({ left, right }) => [pathOf(left), pathOf(right)]))];
  const rows = new Map(paths.map((path, row) => [path, row]));
  const rowOf = (image: NamedImage) => rows.get(pathOf(image)) as number;
  const found = await findImages(root, paths);
  const images = listedSource({
    name: 'lfw',
    root,
    classNames: ['face'],
    labels: new Int32Array(found.length),
    stamps: await stampsOf(root, found),
    path: (i) => (found[i] as (typeof found)[number]).path,
  });
  return {
    name: 'lfw',
    file,
    images,
    pairs: {
      left: Int32Array.from(pairs, ({ left }) => rowOf(left)),
      right: Int32Array.from(pairs, ({ right }) => rowOf(right)),
      same: Uint8Array.from(pairs, ({ same }) => Number(same)),
      folds,
    },
  };
}

const pathOf = ({ name, number }: NamedImage) => `${name}/${name}_${String(number).padStart(4, '0')}`;

function imagesFolder(folder: string, { name }: NamedImage): string {
  const roots = ['', 'lfw', 'lfw_funneled', 'lfw-deepfunneled', 'images'].map((below) => join(folder, below));
  const found = roots.find((root) => isFolder(join(root, name)));
  if (found !== undefined) return found;
  throw new UserError(
    `${folder} has a pairs.txt, but neither it nor its folder lfw has a folder ${name} of images.`,
    1,
  );
}

interface FoundImage {
  readonly path: string;
  readonly info: Stats;
}

/** Texts that change with the images' contents: see `listTree`. */
async function stampsOf(root: string, images: readonly FoundImage[]): Promise<string[]> {
  const byStat = images.map(({ info }) => statStamp(info));
  const bytes = images.reduce((sum, { info }) => sum + info.size, 0);
  if (!isSmall(images.length, bytes)) return byStat;
  const stamps: string[] = [];
  for (const [i, { path }] of images.entries()) {
    stamps.push(await contentStamp(fsPath(join(root, path))).catch(() => byStat[i] as string));
  }
  return stamps;
}

async function findImages(root: string, paths: readonly string[]) {
  const found: FoundImage[] = [];
  const missing: string[] = [];
  for (let from = 0; from < paths.length; from += atOnce) {
    const some = paths.slice(from, from + atOnce);
    for (const [i, image] of (await Promise.all(some.map((path) => findImage(root, path)))).entries()) {
      if (image) found.push(image);
      else missing.push(some[i] as string);
    }
  }
  if (missing.length === 0) return found;
  const more =
    missing.length > 1 ? `, and so are ${missing.length - 1} more of the ${paths.length} images in pairs` : '';
  throw new UserError(`${join(root, missing[0] as string)}.jpg is in a pair, but is missing${more}.`, 1);
}

async function findImage(root: string, path: string): Promise<FoundImage | undefined> {
  for (const ending of endings) {
    const info = await stat(fsPath(join(root, `${path}${ending}`))).catch(() => undefined);
    if (info?.isFile()) return { path: `${path}${ending}`, info };
  }
  return undefined;
}
