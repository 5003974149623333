import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { UserError } from '../../system/user-error';
import { errorCode } from '../../system/whole-file';
import { isCount, refusal } from '../../weights/refusal';
import { checkIndex } from '../dataset';
import type { Box, ImageSource } from './image-source';

/** The index file beside the shards: the images of each shard, and the shards' checksums. */
export interface ShardIndex {
  readonly format: typeof shardFormat;
  readonly name: string;
  readonly classNames: readonly string[];
  readonly fingerprint: string;
  readonly shards: readonly Shard[];
  /** Bytes and label of each image, through all shards. */
  readonly lengths: readonly number[];
  readonly labels: readonly number[];
  /** The box of each image, if images are cropped. */
  readonly boxes?: readonly Box[];
}

export interface Shard {
  /** Beside the index. */
  readonly file: string;
  readonly images: number;
  readonly bytes: number;
  /** In hexadecimal. */
  readonly sha256: string;
}

export const shardFormat = 'headshare shards 1';

export const shardIndexFile = (folder: string, name: string): string => join(resolve(folder), `${name}.shards.json`);

async function readShardIndex(folder: string, name: string): Promise<ShardIndex> {
  const file = shardIndexFile(folder, name);
  const text = await readFile(file, 'utf8').catch((error) => {
    throw new UserError(`${file} cannot be read (${errorCode(error)}): pack the images again.`, 1);
  });
  const refuse = refusal(file, 'an index of shards');
  return parseShardIndex(text, (why) => refuse(`${why}; pack the images again`));
}

export function parseShardIndex(text: string, refuse: (why: string) => UserError): ShardIndex {
  let index: Partial<Record<keyof ShardIndex, unknown>>;
  try {
    index = JSON.parse(text);
  } catch {
    throw refuse('it is not JSON, or cut off');
  }
  if (typeof index !== 'object' || index === null || index.format !== shardFormat)
    throw refuse('it has another format');
  const { name, classNames, fingerprint, shards, lengths, labels, boxes } = index;
  if (typeof name !== 'string' || typeof fingerprint !== 'string') throw refuse('it has no name or fingerprint');
  if (!isList(classNames, isText)) throw refuse('its list of class names is damaged');
  if (!isList(shards, isShard)) throw refuse('its list of shards is damaged');
  const classes = classNames.length;
  if (!isList(lengths, isCount) || !isList(labels, isCount) || labels.some((label) => label >= classes)) {
    throw refuse('its list of images is damaged');
  }
  if (boxes !== undefined && !isList(boxes, isBox)) throw refuse('its list of boxes is damaged');
  const images = shards.reduce((sum, shard) => sum + shard.images, 0);
  if (lengths.length !== images || labels.length !== images || (boxes && boxes.length !== images)) {
    throw refuse('its lists of images have different lengths');
  }
  return { format: shardFormat, name, classNames, fingerprint, shards, lengths, labels, boxes };
}

function isList<T>(value: unknown, is: (item: unknown) => item is T): value is T[] {
  return Array.isArray(value) && value.every((item) => is(item));
}

const isText = (value: unknown): value is string => typeof value === 'string';

function isShard(value: unknown): value is Shard {
  const { file, images, bytes, sha256 } = Object(value) as Record<string, unknown>;
  const isPlain = typeof file === 'string' && /^[\w.-]+\.shard$/.test(file);
  return isPlain && isCount(images) && isCount(bytes) && typeof sha256 === 'string' && /^[0-9a-f]{64}$/.test(sha256);
}

function isBox(value: unknown): value is Box {
  return Array.isArray(value) && value.length === 4 && value.every(isCount);
}

/**
 * Opens the source that was packed under this name, with its labels and fingerprint. Checks the sizes of the shards;
 * `verifyShards` checks their content.
 * @throws UserError for an index or a shard that is missing or damaged
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
    if (offset !== shard.bytes) throw damaged(folder, shard, `its images have ${offset} bytes`);
    const size = (await stat(join(folder, shard.file)).catch(() => undefined))?.size;
    if (size === undefined) throw damaged(folder, shard, 'it is missing');
    if (size !== shard.bytes) throw damaged(folder, shard, `it has ${size} bytes`);
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

/** Reads all shards. @throws UserError for the first whose checksum is wrong */
export async function verifyShards(folder: string, name: string): Promise<void> {
  await openShards(folder, name);
  for (const shard of (await readShardIndex(folder, name)).shards) {
    const hash = createHash('sha256');
    for await (const chunk of createReadStream(join(folder, shard.file))) hash.update(chunk);
    if (hash.digest('hex') !== shard.sha256) throw damaged(folder, shard, 'its checksum is wrong');
  }
}

function damaged(folder: string, { file, bytes }: Shard, why: string): UserError {
  return new UserError(
    `${join(folder, file)} is not the shard of ${bytes} bytes that was packed: ${why}. Pack the images again.`,
    1,
  );
}
