import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { UserError } from '../../system/user-error';
import { isCount, refusal } from '../../weights/refusal';
import type { ImageLocation } from './image-source';

/** What lies beside the shards: which images are where, and what the shards' bytes were. */
export interface ShardIndex {
  readonly format: typeof shardFormat;
  readonly name: string;
  readonly classNames: readonly string[];
  readonly fingerprint: string;
  readonly shards: readonly Shard[];
  /** Images one after another through all shards: bytes of each, and its label. */
  readonly lengths: readonly number[];
  readonly labels: readonly number[];
  /** Where images are cropped: a box for each. */
  readonly boxes?: readonly NonNullable<ImageLocation['box']>[];
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

/** @throws UserError where there is none, or it is none */
export async function readShardIndex(folder: string, name: string): Promise<ShardIndex> {
  const file = shardIndexFile(folder, name);
  const text = await readFile(file, 'utf8').catch((error) => {
    throw new UserError(`${file} cannot be read (${(error as NodeJS.ErrnoException).code}): pack the images again.`, 1);
  });
  const refuse = refusal(file, 'an index of shards');
  return parseShardIndex(text, (why) => refuse(`${why}; pack the images again`));
}

export function parseShardIndex(text: string, refuse: (why: string) => UserError): ShardIndex {
  let index: Partial<Record<keyof ShardIndex, unknown>>;
  try {
    index = JSON.parse(text);
  } catch {
    throw refuse('it is no JSON, or cut off');
  }
  if (typeof index !== 'object' || index === null || index.format !== shardFormat)
    throw refuse('it is of another format');
  const { name, classNames, fingerprint, shards, lengths, labels, boxes } = index;
  if (typeof name !== 'string' || typeof fingerprint !== 'string') throw refuse('it has no name or fingerprint');
  if (!isList(classNames, isText)) throw refuse('its names of classes are damaged');
  if (!isList(shards, isShard)) throw refuse('its list of shards is damaged');
  const classes = classNames.length;
  if (!isList(lengths, isCount) || !isList(labels, isCount) || labels.some((label) => label >= classes)) {
    throw refuse('its list of images is damaged');
  }
  if (boxes !== undefined && !isList(boxes, isBox)) throw refuse('its boxes are damaged');
  const images = shards.reduce((sum, shard) => sum + shard.images, 0);
  if (lengths.length !== images || labels.length !== images || (boxes && boxes.length !== images)) {
    throw refuse('its lists of images are not equally long');
  }
  return { format: shardFormat, name, classNames, fingerprint, shards, lengths, labels, boxes };
}

function isList<T>(value: unknown, is: (item: unknown) => item is T): value is T[] {
  return Array.isArray(value) && value.every((item) => is(item));
}

const isText = (value: unknown): value is string => typeof value === 'string';

function isShard(value: unknown): value is Shard {
  const { file, images, bytes, sha256 } = Object(value) as Record<string, unknown>;
  const plain = typeof file === 'string' && /^[\w.-]+\.shard$/.test(file);
  return plain && isCount(images) && isCount(bytes) && typeof sha256 === 'string' && /^[0-9a-f]{64}$/.test(sha256);
}

function isBox(value: unknown): value is NonNullable<ImageLocation['box']> {
  return Array.isArray(value) && value.length === 4 && value.every(isCount);
}
