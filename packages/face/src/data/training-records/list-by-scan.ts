import { DamagedRecord } from '@headshare/core/data/record-io/frame';
import { grown, indexMisfit, type RecordIndex } from '@headshare/core/data/record-io/index-file';
import { readImageHeader, usualHeaderBytes } from '@headshare/core/data/record-io/record-image';
import { type LostBytes, scanRecords } from '@headshare/core/data/record-io/scan';
import type { ByteSource } from '@headshare/core/data/record-io/window';
import { UserError } from '@headshare/core/system/user-error';
import { lowerBound } from '../../sorted-search';
import type { RecordListing } from './record-listing';

/** Damaged byte ranges that a listing names. */
const mostLost = 100;

export interface ScanListing {
  /** The records to list, in this order, and the index's name in errors; default: all of the file. */
  readonly index?: { readonly path: string; readonly content: RecordIndex } | undefined;
  /** Makes the error for an image whose label is not an identity. */
  readonly refuse: (why: string) => Error;
  readonly onProgress?: (done: number, total: number) => void;
}

/**
 * Lists images by reading the whole file: for files without an index, and for files without identity records (MXNet's
 * im2rec, shuffled copies). Damaged records are skipped and reported, and so are images that the index does not name.
 * @throws UserError for an index with offsets at which no record begins, or that gives a key twice; the error of `refuse`
 */
export async function listByScan(file: ByteSource, { index, refuse, onProgress }: ScanListing): Promise<RecordListing> {
  let offsets = new Float64Array(1024);
  let labels = new Float64Array(1024);
  let lengths = new Float64Array(1024);
  let count = 0;
  // The records that hold no image describe the file or an identity.
  let others = new Float64Array(64);
  let otherCount = 0;
  const damaged: LostBytes[] = [];
  const lost = await scanRecords(file, {
    head: usualHeaderBytes,
    ...(onProgress && { onProgress }),
    visit: ({ offset, length, end, head }) => {
      try {
        const { label, image } = readImageHeader(head, length);
        if (image === length) {
          if (otherCount === others.length) others = grown(others);
          others[otherCount++] = offset;
          return;
        }
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
  const rows = index ? indexedRows(index, found, others.subarray(0, otherCount), all) : Float64Array.from(found.keys());
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
  const unlisted = index ? count - new Set(rows).size : 0;
  return { ...images, lost: all.slice(0, mostLost), lostCount: all.length, unlisted };
}

/**
 * The rows of the images that an index names, in its order.
 * @param images,others ascending offsets of the records with and without an image
 * @param lost ascending ranges in which a record could not be read: the index may be right about them
 */
function indexedRows(
  { path, content }: NonNullable<ScanListing['index']>,
  images: Float64Array,
  others: Float64Array,
  lost: readonly LostBytes[],
): Float64Array {
  const { keys, offsets } = content;
  const lostFrom = Float64Array.from(lost, ({ from }) => from);
  const rows: number[] = [];
  let [wrong, first] = [0, 0];
  for (const [i, offset] of offsets.entries()) {
    const row = lowerBound(images, offset);
    if (images[row] === offset) {
      rows.push(row);
      continue;
    }
    if (others[lowerBound(others, offset)] === offset) continue;
    const range = lost[lowerBound(lostFrom, offset + 1) - 1];
    if (range && offset < range.until) continue;
    if (++wrong === 1) first = i;
  }
  if (wrong > 0) throw indexMisfit(path, content, { count: wrong, first });
  const sorted = Float64Array.from(keys).sort();
  const twice = sorted.findIndex((key, i) => i > 0 && key === sorted[i - 1]);
  if (twice >= 0) {
    throw new UserError(
      `${path} gives two records for key ${sorted[twice]}: remove this index, and the records are listed without it.`,
      1,
    );
  }
  return Float64Array.from(rows);
}
