/** Stores listings on disk: a line of JSON, followed by three arrays. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { LostBytes } from '@headshare/core/data/record-io/scan';
import { bytesOf } from '@headshare/core/system/bytes-of';
import { makeFolder } from '@headshare/core/system/make-folder.cjs';
import { writeAtomically } from '@headshare/core/system/write-atomically';
import { isCount } from '@headshare/core/weights/refusal';
import type { RecordListing } from './record-listing';

const format = 'headshare records 2';

interface Head {
  readonly format: typeof format;
  /** Identifies the files that the listing was made from. */
  readonly of: string;
  readonly images: number;
  readonly lost: readonly LostBytes[];
  readonly lostCount: number;
  readonly unlisted: number;
  readonly digest: string;
}

export interface DigestedListing extends RecordListing {
  readonly digest: string;
}

/** Changes with every image's position and label. */
export function digestOf({ offsets, lengths, labels }: Pick<RecordListing, 'offsets' | 'lengths' | 'labels'>): string {
  const hash = createHash('sha256');
  for (const part of [offsets, lengths, labels]) hash.update(bytesOf(part));
  return hash.digest('hex').slice(0, 24);
}

/** @returns undefined if there is no intact listing made from `of` */
export async function readListing(file: string | undefined, of: string): Promise<DigestedListing | undefined> {
  if (file === undefined) return undefined;
  try {
    const bytes = await readFile(file);
    const line = bytes.subarray(0, bytes.indexOf(10));
    const head = JSON.parse(line.toString()) as Partial<Head>;
    const { images, lost, lostCount, unlisted } = head;
    if (head.format !== format || head.of !== of || !isCount(images) || !isCount(lostCount)) return undefined;
    if (!isCount(unlisted) || !lost) return undefined;
    const body = bytes.subarray(line.length + 1);
    if (body.length !== images * 16) return undefined;
    // Copied: arrays must be aligned to the size of their numbers.
    const { buffer } = Uint8Array.from(body);
    const listing = {
      offsets: new Float64Array(buffer, 0, images),
      lengths: new Uint32Array(buffer, 8 * images, images),
      labels: new Int32Array(buffer, 12 * images, images),
      lost,
      lostCount,
      unlisted,
    };
    const digest = digestOf(listing);
    return digest === head.digest ? { ...listing, digest } : undefined;
  } catch {
    return undefined;
  }
}

/** Does nothing if the folder cannot be written: the listing only saves time. */
export async function writeListing(file: string | undefined, of: string, listing: DigestedListing): Promise<void> {
  if (file === undefined) return;
  const { offsets, lengths, labels, lost, lostCount, unlisted, digest } = listing;
  const head: Head = { format, of, images: labels.length, lost, lostCount, unlisted, digest };
  try {
    makeFolder(dirname(file));
    const line = Buffer.from(`${JSON.stringify(head)}\n`);
    writeAtomically(file, [line, bytesOf(offsets), bytesOf(lengths), bytesOf(labels)]);
  } catch {
    // See above.
  }
}
