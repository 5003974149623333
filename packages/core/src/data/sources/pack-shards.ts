import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { diskError, writeWhole } from '../../system/whole-file';
import { writeAtomically } from '../../system/write-atomically';
import { type Box, type ImageSource, readImage } from './image-source';
import { type Shard, type ShardIndex, shardFormat, shardIndexFile } from './shards';

// Reading many images at once hides the latency of network file systems.
const readAhead = 32;

/**
 * Packs the encoded images of a source, in its order, into a few large files and an index: disks and networks read those
 * far faster than a million small files. A shard appears under its name only when it is complete; the index is last.
 * @param shardBytes a shard is closed once it has this many bytes
 * @throws UserError for an image that cannot be read, and a full or read-only disk
 */
export async function packShards(
  source: ImageSource,
  folder: string,
  shardBytes = 2 ** 30,
  onProgress?: (done: number, total: number) => void,
): Promise<ShardIndex> {
  const { name, classNames, fingerprint } = source;
  const at = resolve(folder);
  const explain = (error: unknown) =>
    diskError(error, {
      full: `The disk of ${at} is full: the images are not packed.`,
      unusable: (code) => `Cannot write to ${at} (${code}).`,
    });
  // The index of an earlier packing describes shards that are being replaced.
  await rm(shardIndexFile(at, name), { force: true }).catch((error) => Promise.reject(explain(error)));
  const total = source.labels.length;
  const shards: Shard[] = [];
  const lengths: number[] = [];
  const boxes: Box[] = [];
  const images = imagesOf(source, (done) => onProgress?.(done, total));
  let next = await images.next();
  while (!next.done) {
    const file = `${name.replace(/[^\w.-]+/g, '-')}-${String(shards.length).padStart(5, '0')}.shard`;
    const path = join(at, file);
    const hash = createHash('sha256');
    const first = lengths.length;
    let bytes = 0;
    const fill = async (write: (image: Uint8Array, position: number) => Promise<void>): Promise<void> => {
      while (!next.done && bytes < shardBytes) {
        const { image, box } = next.value;
        await write(image, bytes);
        hash.update(image);
        bytes += image.length;
        lengths.push(image.length);
        if (box) boxes.push(box);
        next = await images.next();
      }
    };
    await writeWhole({ path, temporary: `${path}.partial` }, fill, explain);
    shards.push({ file, images: lengths.length - first, bytes, sha256: hash.digest('hex') });
  }
  const index: ShardIndex = {
    format: shardFormat,
    name,
    classNames,
    fingerprint,
    shards,
    lengths,
    labels: Array.from(source.labels),
    ...(boxes.length === total && total > 0 && { boxes }),
  };
  writeAtomically(shardIndexFile(at, name), [JSON.stringify(index)]);
  return index;
}

async function* imagesOf(source: ImageSource, onProgress: (done: number) => void) {
  const total = source.labels.length;
  for (let from = 0; from < total; from += readAhead) {
    const locations = Array.from({ length: Math.min(readAhead, total - from) }, (_, i) => source.locate(from + i));
    for (const [i, image] of (await Promise.all(locations.map(readImage))).entries()) {
      yield { image, box: locations[i]?.box };
    }
    onProgress(from + locations.length);
  }
}
