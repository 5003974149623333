/** Lists of folders kept on disk: a line of JSON for each folder between a first line and a last that counts them. */
import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { writeAtomically } from '../../system/write-atomically';
import { isCount } from '../../weights/refusal';
import type { FolderListing } from './folder-listing';

const format = 'headshare list of images 1';

/** The file of a list; undefined: none is kept. */
export type IndexPlace = string | undefined;

/**
 * Where the list of `dataFolder`'s `part` is kept: in the cache folder if one is given, else in `.headshare` beside the
 * data, where it is also found after the data has moved.
 */
export function indexPlace(dataFolder: string, part: string, cacheFolder: string | undefined): IndexPlace {
  const whole = cacheFolder === undefined ? part : `${resolve(dataFolder)}\n${part}`;
  const digest = createHash('sha256').update(whole).digest('hex').slice(0, 12);
  const name = part.replace(/[^A-Za-z0-9]+/g, '-') || 'all';
  return join(cacheFolder ?? join(dataFolder, '.headshare'), `${name}-${digest}.list`);
}

/** Undefined where there is none that is whole: it is made again. */
export async function readIndex(place: IndexPlace): Promise<Map<string, FolderListing> | undefined> {
  if (place === undefined) return undefined;
  try {
    const lines = (await readFile(place, 'utf8')).split('\n');
    if (lines[0] !== format || lines.at(-1) !== `${lines.length - 2} folders`) return undefined;
    const listings = lines.slice(1, -1).map((line) => listingOf(JSON.parse(line)));
    return new Map(listings.map((listing) => [listing.path, listing]));
  } catch {
    return undefined;
  }
}

function listingOf(value: unknown): FolderListing {
  const { path, changed, images, sizes, folders } = value as Record<string, unknown>;
  const whole =
    typeof path === 'string' &&
    (changed === undefined || typeof changed === 'number') &&
    isNames(images) &&
    isNames(folders) &&
    Array.isArray(sizes) &&
    sizes.length === images.length &&
    sizes.every(isCount);
  if (!whole) throw new Error('not a listing');
  return { path, changed, images, sizes, folders };
}

const isNames = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((name) => typeof name === 'string' && !name.includes('/') && name !== '..');

/** Nothing is kept, and nothing said, where the folder cannot be written: the list only saves time. */
export async function writeIndex(place: IndexPlace, tree: ReadonlyMap<string, FolderListing>): Promise<void> {
  if (place === undefined) return;
  try {
    await mkdir(join(place, '..'), { recursive: true });
    const lines = [...tree.values()].map((listing) => Buffer.from(`${JSON.stringify(listing)}\n`));
    writeAtomically(place, [`${format}\n`, ...lines, `${tree.size} folders`]);
  } catch {
    // As said.
  }
}
