import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { checkIndex } from '@headshare/core/data/dataset';
import { readRecordIndex } from '@headshare/core/data/record-io/index-file';
import { FileWindow } from '@headshare/core/data/record-io/window';
import type { ImageSource } from '@headshare/core/data/sources/image-source';
import { listFile } from '@headshare/core/data/sources/tree-listing';
import { isFolder, notAFolder } from '@headshare/core/system/archive';
import { contentStamp, isSmall, statStamp } from '@headshare/core/system/file-stamps';
import type { ImageSize } from '@headshare/core/system/image-size';
import { makeProgress } from '@headshare/core/system/progress';
import { UserError } from '@headshare/core/system/user-error';
import { refusal } from '@headshare/core/weights/refusal';
import { listByIdentities } from './list-by-identities';
import { listByScan } from './list-by-scan';
import { type DigestedListing, digestOf, readListing, writeListing } from './listing-cache';
import { type Property, readProperty } from './property';
import type { RecordListing } from './record-listing';
import { type IdentitySelection, type SelectedImages, selectIdentities, selectionNote } from './select-identities';

export interface TrainingRecordsOptions extends IdentitySelection {
  /** Where the listing of records is stored; default: `.headshare` beside the data. */
  readonly cacheFolder?: string;
  /** Notices changes by the contents of files of any size; see `ListOptions`. */
  readonly verify?: boolean | undefined;
}

export interface TrainingRecords extends Pick<RecordListing, 'lost' | 'lostCount' | 'unlisted'> {
  /** The `.rec` file. */
  readonly file: string;
  /** The number of its images, of all identities. */
  readonly images: number;
  readonly source: ImageSource;
  /** The size of the images, from `property` or else 112. */
  readonly size: ImageSize;
  /** Undefined if there is no such file. */
  readonly property: Property | undefined;
  readonly hasIndex: boolean;
  /** Sentences about what was taken and left out. */
  readonly notes: readonly string[];
}

/** Side of aligned faces in pixels. */
export const faceSize = 112;

/** The name of a folder's `.rec` file: `train.rec`, or the only one. */
export function findRecords(folder: string): string | undefined {
  if (!isFolder(folder)) return undefined;
  const names = readdirSync(folder).filter((name) => name.endsWith('.rec') && !name.startsWith('.'));
  if (names.includes('train.rec')) return 'train.rec';
  return names.length === 1 ? names[0] : undefined;
}

/**
 * Opens a training set in MXNet's RecordIO as insightface distributes it: `train.rec`, `train.idx`, `property`. Images
 * stay in the file. Only the first time takes long, with a progress bar if the whole file must be read: the listing is
 * stored until one of the files changes.
 * @throws UserError for files that are missing, truncated or do not match
 */
export async function openTrainingRecords(
  folder: string,
  options: TrainingRecordsOptions = {},
): Promise<TrainingRecords> {
  if (!isFolder(folder)) throw notAFolder(folder);
  const name = findRecords(folder);
  if (name === undefined) throw new UserError(`${folder} has no train.rec: see nx run face:data -- check.`, 1);
  const file = join(resolve(folder), name);
  const base = basename(name, '.rec');
  const indexFile = join(folder, `${base}.idx`);
  const property = await readProperty([join(folder, 'property'), join(folder, `${base}.property`)]);
  const stamps = [await stampOf(file, options), await stampOf(indexFile, options)];
  const hasIndex = stamps[1] !== undefined;
  const cache = listFile(folder, name, options.cacheFolder);
  let listing = await readListing(cache, JSON.stringify(stamps));
  if (!listing) {
    listing = await list(file, hasIndex ? indexFile : undefined);
    await writeListing(cache, JSON.stringify(stamps), listing);
  }
  const { labels, offsets, lost, lostCount, unlisted } = listing;
  const total = property?.identities ?? labels.reduce((most, label) => Math.max(most, label + 1), 0);
  const wrong = labels.findIndex((label) => label >= total);
  if (wrong >= 0) {
    throw new UserError(
      `${file} has an image of identity ${labels[wrong]} at byte ${offsets[wrong]}, but its property file has only ${total} identities.`,
      1,
    );
  }
  const selected = selectIdentities(labels, total, options);
  const set = `${basename(resolve(folder))}-${base}`;
  const source = sourceOf({ name: set, file, listing, total, content: JSON.stringify(stamps[0]) }, selected);
  const notes = selectionNote(selected, total);
  return {
    source,
    file,
    images: labels.length,
    size: property?.size ?? faceSize,
    property,
    lost,
    lostCount,
    unlisted,
    hasIndex,
    notes,
  };
}

/** A text that changes with a file's content; undefined if there is no such file. */
async function stampOf(file: string, { verify }: TrainingRecordsOptions): Promise<string | undefined> {
  const info = await stat(file).catch(() => undefined);
  return info && (verify || isSmall(1, info.size) ? contentStamp(file) : statStamp(info));
}

async function list(path: string, indexPath: string | undefined): Promise<DigestedListing> {
  const progress = makeProgress('records');
  const mebibytes = (bytes: number) => Math.ceil(bytes / 2 ** 20);
  const onProgress = (done: number, total: number) =>
    progress.update({ done: mebibytes(done), total: mebibytes(total), unit: 'MiB', text: 'listed, once' });
  const file = await FileWindow.open(path);
  // A small window, for reads that are far apart.
  const spot = await FileWindow.open(path, 4096);
  try {
    const index = indexPath === undefined ? undefined : await readRecordIndex(indexPath, file.size);
    const quick = index && (await listByIdentities(file, spot, index));
    const refuse = refusal(path, 'a training set');
    const listing = quick
      ? { ...quick, lost: [], lostCount: 0, unlisted: 0 }
      : await listByScan(file, {
          index: index && { path: indexPath as string, content: index },
          refuse,
          onProgress,
        });
    if (listing.labels.length === 0) throw refuse('none of its records holds an image');
    return { ...listing, digest: digestOf(listing) };
  } finally {
    progress.clear();
    await Promise.all([file.close(), spot.close()]);
  }
}

interface Records {
  readonly name: string;
  readonly file: string;
  readonly listing: DigestedListing;
  /** The number of identities. */
  readonly total: number;
  /** Changes with the content of the file. */
  readonly content: string;
}

function sourceOf({ name, file, listing, total, content }: Records, selected: SelectedImages | undefined): ImageSource {
  const { labels: all, offsets, lengths, digest } = listing;
  const labels = selected?.labels ?? all;
  const identities = selected?.identities ?? Int32Array.from({ length: total }, (_, label) => label);
  const hash = createHash('sha256').update(`${digest} ${content}`);
  if (selected) hash.update(identities).update(selected.indices);
  return {
    name,
    classes: identities.length,
    classNames: Array.from(identities, String),
    labels,
    fingerprint: hash.digest('hex').slice(0, 24),
    locate: (index) => {
      checkIndex({ name, labels }, index);
      const image = selected ? (selected.indices[index] as number) : index;
      return { file, offset: offsets[image] as number, length: lengths[image] as number, inRecord: true };
    },
  };
}
