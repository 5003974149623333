import { createHash } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { readRecordIndex } from '@headshare/core/data/record-io/index-file';
import { FileWindow } from '@headshare/core/data/record-io/window';
import { checkIndex, type ImageSource } from '@headshare/core/data/sources/image-source';
import { listFile } from '@headshare/core/data/sources/listing-index';
import { UserError } from '@headshare/core/system/user-error';
import { refusal } from '@headshare/core/weights/refusal';
import { type IdentitySelection, imagesOf, selectIdentities } from './identities';
import { listByIdentities } from './identity-records';
import { digestOf, type KeptListing, readKept, writeKept } from './kept-listing';
import { type Property, parseProperty, readPropertyText } from './property';
import type { RecordListing } from './record-listing';
import { listByScan } from './whole-scan';

export interface TrainingRecordsOptions extends IdentitySelection {
  /** Where the listing of records is kept; default: `.headshare` beside the data. */
  readonly cacheFolder?: string;
  /** Hears of bytes read and in all, where the whole file must be read. */
  readonly onProgress?: (done: number, total: number) => void;
}

export interface TrainingRecords {
  readonly source: ImageSource;
  /** Side of the images in pixels, as `property` says, else the usual 112. */
  readonly size: number;
  /** Absent where there is no such file. */
  readonly property?: Property;
  /** Damage, where the whole file had to be read. */
  readonly lost: RecordListing['lost'];
  readonly lostCount: number;
  /** Whether there was no `.idx`. */
  readonly indexMade: boolean;
}

/** Of aligned faces, in pixels. */
export const faceSize = 112;

/** The `.rec` of a folder: `train.rec`, or the only one. */
export function findRecords(folder: string): string | undefined {
  if (!existsSync(folder)) return undefined;
  const names = readdirSync(folder).filter((name) => name.endsWith('.rec') && !name.startsWith('.'));
  if (names.includes('train.rec')) return 'train.rec';
  return names.length === 1 ? names[0] : undefined;
}

/**
 * A training set in MXNet's RecordIO as insightface distributes it: `train.rec`, `train.idx`, `property`. Images stay in
 * the file. Only the first time is long: what was found is kept, until one of the files changes.
 * @throws UserError for files that are missing, cut off or do not go together
 */
export async function openTrainingRecords(
  folder: string,
  options: TrainingRecordsOptions = {},
): Promise<TrainingRecords> {
  const name = findRecords(folder);
  if (name === undefined) throw new UserError(`${folder} has no train.rec: see nx run face:data -- check.`, 1);
  const file = join(resolve(folder), name);
  const base = basename(name, '.rec');
  const indexFile = join(folder, `${base}.idx`);
  const property = await findProperty(folder, base);
  const made = [await stampOf(file), await stampOf(indexFile)];
  const of = JSON.stringify(made);
  const place = listFile(folder, name, options.cacheFolder);
  const kept = await readKept(place, of);
  const listing = kept ?? (await list(file, made[1] === undefined ? undefined : indexFile, options.onProgress));
  if (!kept) await writeKept(place, of, listing);
  checkLabels(file, listing, property);
  const { lost, lostCount } = listing;
  const source = sourceOf(`${basename(resolve(folder))}-${base}`, file, listing, property, options);
  return {
    source,
    size: property?.size ?? faceSize,
    ...(property && { property }),
    lost,
    lostCount,
    indexMade: made[1] === undefined,
  };
}

async function findProperty(folder: string, base: string): Promise<Property | undefined> {
  for (const file of [join(folder, 'property'), join(folder, `${base}.property`)]) {
    const text = await readPropertyText(file);
    if (text !== undefined) return parseProperty(text, refusal(file, "a training set's property"));
  }
  return undefined;
}

/** What changes with a file; undefined where there is none. */
async function stampOf(file: string): Promise<readonly [number, number] | undefined> {
  const info = await stat(file).catch(() => undefined);
  return info && [info.size, info.mtimeMs];
}

async function list(
  path: string,
  indexPath: string | undefined,
  onProgress: TrainingRecordsOptions['onProgress'],
): Promise<KeptListing> {
  const file = await FileWindow.open(path);
  // Reads that are far apart.
  const spot = await FileWindow.open(path, 4096);
  try {
    const index = indexPath === undefined ? undefined : await readRecordIndex(indexPath, file.size);
    const quick = index && (await listByIdentities(file, spot, index));
    const refuse = refusal(path, 'a training set');
    const listing = quick ? { ...quick, lost: [], lostCount: 0 } : await listByScan(file, index, refuse, onProgress);
    if (listing.labels.length === 0) throw refuse('none of its records holds an image');
    return { ...listing, digest: digestOf(listing) };
  } finally {
    await Promise.all([file.close(), spot.close()]);
  }
}

function checkLabels(file: string, { labels, offsets }: RecordListing, property: Property | undefined): void {
  if (!property) return;
  const wrong = labels.findIndex((label) => label >= property.identities);
  if (wrong < 0) return;
  throw new UserError(
    `${file} has, at byte ${offsets[wrong]}, an image of the identity ${labels[wrong]}, and its property speaks of ${property.identities} identities.`,
    1,
  );
}

function sourceOf(
  name: string,
  file: string,
  { labels: all, offsets, rooms, digest }: KeptListing,
  property: Property | undefined,
  selection: IdentitySelection,
): ImageSource {
  const total = property?.identities ?? all.reduce((most, label) => Math.max(most, label + 1), 0);
  const kept = selectIdentities(all, total, selection);
  const selected = kept && imagesOf(all, kept, total);
  const labels = selected?.labels ?? all;
  const identities = kept ?? Int32Array.from({ length: total }, (_, label) => label);
  const { identities: count, minImages, draw } = selection;
  return {
    name,
    classes: identities.length,
    classNames: Array.from(identities, String),
    labels,
    fingerprint: kept
      ? createHash('sha256')
          .update(JSON.stringify([digest, count, minImages, draw]))
          .digest('hex')
          .slice(0, 24)
      : digest,
    locate: (index) => {
      checkIndex({ name, labels }, index);
      const image = selected ? (selected.indices[index] as number) : index;
      return { file, offset: offsets[image] as number, length: rooms[image] as number, inRecord: true };
    },
  };
}
