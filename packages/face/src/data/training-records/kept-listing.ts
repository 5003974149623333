/** Listings kept on disk: a line of JSON, then three arrays one behind another. */
import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { LostBytes } from '@headshare/core/data/record-io/scan';
import { writeAtomically } from '@headshare/core/system/write-atomically';
import { isCount } from '@headshare/core/weights/refusal';
import type { RecordListing } from './record-listing';

const format = 'headshare records 1';

interface Head {
  readonly format: typeof format;
  /** What the listing was made of. */
  readonly of: string;
  readonly images: number;
  readonly lost: readonly LostBytes[];
  readonly lostCount: number;
  readonly digest: string;
}

export interface KeptListing extends RecordListing {
  readonly digest: string;
}

/** Changes with every image's place and label. */
export function digestOf({ offsets, rooms, labels }: Pick<RecordListing, 'offsets' | 'rooms' | 'labels'>): string {
  const hash = createHash('sha256');
  for (const part of [offsets, rooms, labels]) hash.update(bytesOf(part));
  return hash.digest('hex').slice(0, 24);
}

/** Undefined where there is none that is whole and made of `of`: it is made again. */
export async function readKept(place: string | undefined, of: string): Promise<KeptListing | undefined> {
  if (place === undefined) return undefined;
  try {
    const bytes = await readFile(place);
    const line = bytes.subarray(0, bytes.indexOf(10));
    const head = JSON.parse(line.toString()) as Partial<Head>;
    const { images, lost, lostCount } = head;
    if (head.format !== format || head.of !== of || !isCount(images) || !isCount(lostCount) || !lost) return undefined;
    const body = bytes.subarray(line.length + 1);
    if (body.length !== images * 16) return undefined;
    // Arrays must begin at multiples of their numbers' size.
    const { buffer } = Uint8Array.from(body);
    const listing = {
      offsets: new Float64Array(buffer, 0, images),
      rooms: new Uint32Array(buffer, 8 * images, images),
      labels: new Int32Array(buffer, 12 * images, images),
      lost,
      lostCount,
    };
    const digest = digestOf(listing);
    return digest === head.digest ? { ...listing, digest } : undefined;
  } catch {
    return undefined;
  }
}

/** Nothing is kept, and nothing said, where the folder cannot be written: the listing only saves time. */
export async function writeKept(place: string | undefined, of: string, listing: KeptListing): Promise<void> {
  if (place === undefined) return;
  const { offsets, rooms, labels, lost, lostCount, digest } = listing;
  const head: Head = { format, of, images: labels.length, lost, lostCount, digest };
  try {
    await mkdir(dirname(place), { recursive: true });
    const line = Buffer.from(`${JSON.stringify(head)}\n`);
    writeAtomically(place, [line, bytesOf(offsets), bytesOf(rooms), bytesOf(labels)]);
  } catch {
    // As said.
  }
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Float64Array | Uint32Array | Int32Array) =>
  new Uint8Array(buffer, byteOffset, byteLength);
