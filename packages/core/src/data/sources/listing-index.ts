/** Lists of folders on disk: a format line, a line of JSON per folder, and a last line that counts the folders. */
import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { writeAtomically } from '../../system/write-atomically';
import { isCount } from '../../weights/refusal';
import type { FolderListing } from './folder-listing';

const format = 'headshare list of images 1';

/**
 * The file for the list of folder `part` of `dataFolder`: in `cacheFolder`, by default in `.headshare` beside the data,
 * so that it moves with the data.
 */
export function listFile(dataFolder: string, part: string, cacheFolder: string | undefined): string {
  const whole = cacheFolder === undefined ? part : `${resolve(dataFolder)}\n${part}`;
  const digest = createHash('sha256').update(whole).digest('hex').slice(0, 12);
  const name = part.replace(/[^A-Za-z0-9]+/g, '-') || 'all';
  return join(cacheFolder ?? join(dataFolder, '.headshare'), `${name}-${digest}.list`);
}

/** The folders of a list, by path; undefined if the file is missing or damaged. */
export async function readIndex(file: string): Promise<Map<string, FolderListing> | undefined> {
  try {
    const lines = (await readFile(file, 'utf8')).split('\n');
    if (lines[0] !== format || lines.at(-1) !== `${lines.length - 2} folders`) return undefined;
    const listings = lines.slice(1, -1).map((line) => listingOf(JSON.parse(line)));
    return new Map(listings.map((listing) => [listing.path, listing]));
  } catch {
    return undefined;
  }
}

function listingOf(value: unknown): FolderListing {
  const { path, changed, images, sizes, folders } = value as Record<string, unknown>;
  const isWhole =
    typeof path === 'string' &&
    (changed === undefined || typeof changed === 'number') &&
    isNames(images) &&
    isNames(folders) &&
    Array.isArray(sizes) &&
    sizes.length === images.length &&
    sizes.every(isCount);
  if (!isWhole) throw new Error('not a listing');
  return { path, changed, images, sizes, folders };
}

const isNames = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((name) => typeof name === 'string' && !name.includes('/') && name !== '..');

/** Writes a list, where that is possible: it only saves time. */
export async function writeIndex(file: string, tree: ReadonlyMap<string, FolderListing>): Promise<void> {
  try {
    await mkdir(dirname(file), { recursive: true });
    const lines = [...tree.values()].map((listing) => Buffer.from(`${JSON.stringify(listing)}\n`));
    writeAtomically(file, [`${format}\n`, ...lines, `${tree.size} folders`]);
  } catch {
    // The next start lists the folders again.
  }
}
