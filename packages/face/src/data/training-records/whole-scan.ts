import { DamagedRecord } from '@headshare/core/data/record-io/frame';
import { readImageHeader, usualHeaderBytes } from '@headshare/core/data/record-io/image-header';
import { grown, type RecordIndex } from '@headshare/core/data/record-io/index-file';
import { type LostBytes, scanRecords } from '@headshare/core/data/record-io/scan';
import type { ByteSource } from '@headshare/core/data/record-io/window';
import { mostLost, placeOf, type RecordListing } from './record-listing';

/**
 * The images by reading the whole file from front to back: for files that only have images (MXNet's im2rec, shuffled
 * copies), and those without an index. What cannot be read is passed over and said.
 * @param index which records count, and in which order; without one all of the file do
 * @throws whatever `refuse` makes of an image whose label is no identity
 */
export async function listByScan(
  file: ByteSource,
  index: RecordIndex | undefined,
  refuse: (why: string) => Error,
  onProgress?: (done: number, total: number) => void,
): Promise<RecordListing> {
  let offsets = new Float64Array(1024);
  let labels = new Float64Array(1024);
  let rooms = new Float64Array(1024);
  let count = 0;
  const damaged: LostBytes[] = [];
  const lost = await scanRecords(file, {
    head: usualHeaderBytes,
    onProgress,
    visit: ({ offset, length, end, head }) => {
      try {
        const { label, image } = readImageHeader(head, length);
        // A header alone: of the file, or of an identity.
        if (image === length) return;
        if (count === offsets.length) [offsets, labels, rooms] = [grown(offsets), grown(labels), grown(rooms)];
        offsets[count] = offset;
        // The padding of the last record may be missing.
        rooms[count] = Math.min(end, file.size) - offset;
        labels[count++] = label;
      } catch (error) {
        if (!(error instanceof DamagedRecord)) throw error;
        damaged.push({ from: offset, until: end, why: error.message });
      }
    },
  });
  const all = [...lost, ...damaged].sort((a, b) => a.from - b.from);
  const found = { offsets: offsets.slice(0, count), labels: labels.slice(0, count), rooms: rooms.slice(0, count) };
  const images = index ? inOrder(found, index) : found;
  const identities = new Int32Array(images.labels.length);
  for (const [i, label] of images.labels.entries()) {
    if (!Number.isInteger(label) || label < 0 || label >= 2 ** 24) {
      throw refuse(`the record at byte ${images.offsets[i]} has the label ${label}, which is no identity`);
    }
    identities[i] = label;
  }
  return {
    offsets: images.offsets,
    rooms: Uint32Array.from(images.rooms),
    labels: identities,
    lost: all.slice(0, mostLost),
    lostCount: all.length,
  };
}

type Found = Readonly<Record<'offsets' | 'labels' | 'rooms', Float64Array>>;

/** The images that an index has, in its order. */
function inOrder(found: Found, index: RecordIndex): Found {
  const places = index.offsets
    .map((offset) => {
      const place = placeOf(found.offsets, offset);
      return found.offsets[place] === offset ? place : -1;
    })
    .filter((place) => place >= 0);
  const pick = (values: Float64Array) => places.map((place) => values[place] as number);
  return { offsets: pick(found.offsets), labels: pick(found.labels), rooms: pick(found.rooms) };
}
