import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { UserError } from '../../system/user-error';
import type { ImageSource } from './image-source';
import { checkIndex } from './listed-source';
import { readShardIndex, type Shard } from './shard-index';

/**
 * The source that was packed under this name: the same labels and fingerprint, its images as parts of shards. Shards are
 * held against their sizes; `verifyShards` reads them whole.
 * @throws UserError for an index or a shard that is missing or torn
 */
export async function openShards(folder: string, name: string): Promise<ImageSource> {
  const { classNames, fingerprint, shards, lengths, labels, boxes } = await readShardIndex(folder, name);
  const shardOf = new Uint16Array(lengths.length);
  const offsets = new Float64Array(lengths.length);
  let image = 0;
  for (const [number, shard] of shards.entries()) {
    let offset = 0;
    for (const last = image + shard.images; image < last; image++) {
      shardOf[image] = number;
      offsets[image] = offset;
      offset += lengths[image] as number;
    }
    if (offset !== shard.bytes) throw torn(folder, shard, `its images take ${offset} bytes`);
    const size = (await stat(join(folder, shard.file)).catch(() => undefined))?.size;
    if (size === undefined) throw torn(folder, shard, 'it is missing');
    if (size !== shard.bytes) throw torn(folder, shard, `it has ${size} bytes`);
  }
  const source = { name, classes: classNames.length, classNames, labels: Int32Array.from(labels), fingerprint };
  const paths = shards.map(({ file }) => join(resolve(folder), file));
  return {
    ...source,
    locate: (index) => {
      checkIndex(source, index);
      const file = paths[shardOf[index] as number] as string;
      const box = boxes?.[index];
      return { file, offset: offsets[index], length: lengths[index], ...(box && { box }) };
    },
  };
}

/** Reads all shards. @throws UserError for the first whose bytes are not those that were written */
export async function verifyShards(folder: string, name: string): Promise<void> {
  await openShards(folder, name);
  for (const shard of (await readShardIndex(folder, name)).shards) {
    const hash = createHash('sha256');
    for await (const chunk of createReadStream(join(folder, shard.file))) hash.update(chunk);
    if (hash.digest('hex') !== shard.sha256) throw torn(folder, shard, 'its checksum is another');
  }
}

function torn(folder: string, { file, bytes }: Shard, why: string): UserError {
  return new UserError(
    `${join(folder, file)} is not the shard of ${bytes} bytes that was packed: ${why}. Pack it again.`,
    1,
  );
}
