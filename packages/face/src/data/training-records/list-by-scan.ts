import { DamagedRecord } from '@headshare/core/data/record-io/frame';
import { grown, type RecordIndex } from '@headshare/core/data/record-io/index-file';
import { readImageHeader, usualHeaderBytes } from '@headshare/core/data/record-io/record-image';
import { type LostBytes, scanRecords } from '@headshare/core/data/record-io/scan';
import type { ByteSource } from '@headshare/core/data/record-io/window';
import { lowerBound } from '../../sorted-search';
import type { RecordListing } from './record-listing';

/** Damaged byte ranges that a listing names. */
const mostLost = 100;

/**
 * Lists images by reading the whole file: for files without an index, and for files without identity records (MXNet's
 * im2rec, shuffled copies). Damaged records are skipped and reported.
 * @param index the records to list, in this order; default: all of the file
 * @throws the error of `refuse` for an image whose label is not an identity
 */
export async function listByScan(
  file: ByteSource,
  index: RecordIndex | undefined,
  refuse: (why: string) => Error,
  onProgress?: (done: number, total: number) => void,
): Promise<RecordListing> {
  let offsets = new Float64Array(1024);
  let labels = new Float64Array(1024);
  let lengths = new Float64Array(1024);
  let count = 0;
  const damaged: LostBytes[] = [];
  const lost = await scanRecords(file, {
    head: usualHeaderBytes,
    onProgress,
    visit: ({ offset, length, end, head }) => {
      try {
        const { label, image } = readImageHeader(head, length);
        // A record without an image describes the file or an identity.
        if (image === length) return;
        if (count === offsets.length) [offsets, labels, lengths] = [grown(offsets), grown(labels), grown(lengths)];
        offsets[count] = offset;
        // The padding of the last record may be missing.
        lengths[count] = Math.min(end, file.size) - offset;
        labels[count++] = label;
      } catch (error) {
        if (!(error instanceof DamagedRecord)) throw error;
        damaged.push({ from: offset, until: end, why: error.message });
      }
    },
  });
  const all = [...lost, ...damaged].sort((a, b) => a.from - b.from);
  const found = offsets.subarray(0, count);
  const rows = index
    ? index.offsets.map((offset) => lowerBound(found, offset)).filter((row, i) => found[row] === index.offsets[i])
    : Float64Array.from(found.keys());
  const images = {
    offsets: rows.map((row) => offsets[row] as number),
    lengths: Uint32Array.from(rows, (row) => lengths[row] as number),
    labels: Int32Array.from(rows, (row) => labels[row] as number),
  };
  for (const [i, row] of rows.entries()) {
    const label = labels[row] as number;
    if (!Number.isInteger(label) || label < 0 || label >= 2 ** 24) {
      throw refuse(`the record at byte ${images.offsets[i]} has the label ${label}, which is not an identity`);
    }
  }
  return { ...images, lost: all.slice(0, mostLost), lostCount: all.length };
}
