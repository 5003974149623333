import { DamagedRecord } from '@headshare/core/data/record-io/frame';
import type { RecordIndex } from '@headshare/core/data/record-io/index-file';
import { type ImageHeader, readImageHeader, usualHeaderBytes } from '@headshare/core/data/record-io/record-image';
import { scanRecord } from '@headshare/core/data/record-io/scan';
import type { ByteSource } from '@headshare/core/data/record-io/window';
import { isAscending, lengthsOf, type RecordListing } from './record-listing';

/** A record's header; undefined if the record is damaged. */
type HeaderAt<H> = (key: number) => Promise<H | undefined>;
type Header = ImageHeader & { readonly hasImage: boolean };

async function headerAt(file: ByteSource, offset: number): Promise<Header | undefined> {
  const record = await scanRecord(file, offset, usualHeaderBytes);
  if (typeof record === 'string') return undefined;
  try {
    const header = readImageHeader(record.head, record.length);
    return { ...header, hasImage: record.length > header.image };
  } catch (error) {
    if (error instanceof DamagedRecord) return undefined;
    throw error;
  }
}

/** Whole numbers below this are exact in float32. */
const exactBelow = 2 ** 24;
/** Identities whose first and last image are checked. */
const spotChecks = 64;
/** Images, evenly over the file, that are checked to begin and end where the index says. */
const fitChecks = 8192;

/**
 * Lists the images of insightface's files without reading them: at the end of these files, key 0 says that there are
 * images 1 to N, followed by a record for each identity with the keys of its images. float32 rounds keys above 2^24;
 * for those the exact key is found by reading the images around it.
 * @param spot reads single records anywhere; `file` reads from front to back
 * @returns undefined if the file has no such records, if they contradict the images, or if the index does not fit the
 *   records that are looked at
 */
export async function listByIdentities(
  file: ByteSource,
  spot: ByteSource,
  { keys, offsets }: RecordIndex,
): Promise<Pick<RecordListing, 'offsets' | 'lengths' | 'labels'> | undefined> {
  const byKey = offsetsByKey(keys, offsets);
  const zero = byKey && (await headerAt(spot, byKey[0] as number));
  if (!byKey || !zero || zero.flag === 0 || zero.hasImage) return undefined;
  const at = (key: number) => headerAt(spot, byKey[key] as number);
  const first = await firstIdentityKey(byKey.length, at);
  const identities = byKey.length - first;
  if (identities < 1 || first < 2) return undefined;
  const starts = new Float64Array(identities + 1);
  for (let identity = 0; identity <= identities; identity++) {
    const key = first + Math.min(identity, identities - 1);
    const header = await headerAt(file, byKey[key] as number);
    const stated = header?.labels[identity < identities ? 0 : 1];
    if (header?.flag !== 2 || header.hasImage || stated === undefined) return undefined;
    const exact = await exactKey(stated, identity, first, at);
    if (exact === undefined) return undefined;
    starts[identity] = exact;
  }
  if (starts[0] !== 1 || starts[identities] !== first || !isAscending(starts)) return undefined;
  const labels = new Int32Array(first - 1);
  for (let label = 0; label < identities; label++) {
    labels.fill(label, (starts[label] as number) - 1, (starts[label + 1] as number) - 1);
  }
  const images = byKey.slice(1, first);
  // Where the records are not in the order of their keys, the labels of only a few would be checked.
  if (!isAscending(images)) return undefined;
  const listing = { offsets: images, lengths: lengthsOf(images, offsets, file.size), labels };
  const checked = new Set<number>();
  for (const label of evenly(identities, spotChecks)) {
    checked.add((starts[label] as number) - 1).add((starts[label + 1] as number) - 2);
  }
  for (const image of evenly(images.length, fitChecks)) checked.add(image);
  for (const image of [...checked, images.length - 1].sort((a, b) => a - b)) {
    if (!(await fits(spot, listing, image))) return undefined;
  }
  // Records after the last of the index are not in it.
  const last = await scanRecord(
    spot,
    offsets.reduce((most, offset) => Math.max(most, offset), 0),
    0,
  );
  return typeof last !== 'string' && last.end < file.size ? undefined : listing;
}

/** At most `most` numbers below `count`, evenly spaced from 0 on. */
const evenly = (count: number, most: number): number[] =>
  Array.from({ length: Math.min(most, count) }, (_, i) => Math.floor((i * count) / Math.min(most, count)));

/** Whether an image's record begins and ends where the index says, and has the label; a damaged one contradicts nothing. */
async function fits(
  file: ByteSource,
  { offsets, lengths, labels }: Pick<RecordListing, 'offsets' | 'lengths' | 'labels'>,
  image: number,
): Promise<boolean> {
  const offset = offsets[image] as number;
  const record = await scanRecord(file, offset, usualHeaderBytes);
  if (typeof record === 'string') {
    // It is damaged, and not another place than the index means, if the record before it ends here.
    if (image === 0) return offset === 0;
    const before = await scanRecord(file, offsets[image - 1] as number, 0);
    return typeof before !== 'string' && before.end === offset;
  }
  if (Math.min(record.end, file.size) - offset !== lengths[image]) return false;
  try {
    const header = readImageHeader(record.head, record.length);
    return record.length > header.image && header.label === labels[image];
  } catch (error) {
    if (error instanceof DamagedRecord) return true;
    throw error;
  }
}

/** Offsets by key; undefined unless the keys are 0 to their number - 1, each once. */
function offsetsByKey(keys: Float64Array, offsets: Float64Array): Float64Array | undefined {
  const byKey = new Float64Array(keys.length).fill(-1);
  for (const [i, key] of keys.entries()) {
    if (!(key < keys.length) || byKey[key] !== -1) return undefined;
    byKey[key] = offsets[i] as number;
  }
  return byKey.length > 2 ? byKey : undefined;
}

/** The first key after the images, by bisection. */
async function firstIdentityKey(count: number, at: HeaderAt<Header>): Promise<number> {
  let [low, high] = [1, count];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const header = await at(middle);
    if (header && !header.hasImage) high = middle;
    else low = middle + 1;
  }
  return low;
}

/**
 * The exact key of an identity's first image.
 * @param stated the key, rounded to float32
 * @param first the first key after the images
 */
export async function exactKey(
  stated: number,
  identity: number,
  first: number,
  at: HeaderAt<Pick<Header, 'hasImage' | 'label'>>,
): Promise<number | undefined> {
  if (!Number.isInteger(stated) || stated < 1) return undefined;
  if (stated < exactBelow) return stated;
  const step = 2 ** (Math.floor(Math.log2(stated)) - 23);
  for (let key = stated - step; key <= Math.min(stated + step, first - 1); key++) {
    const image = await at(key);
    if (image?.hasImage && image.label === identity) return key;
  }
  // The end of the last identity is one past the last image.
  return Math.abs(first - stated) <= step ? first : undefined;
}
