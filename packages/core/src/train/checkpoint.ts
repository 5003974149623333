/**
 * Checkpoints are safetensors files of float32 tensors, with JSON under the metadata key `headshare` and a checksum of
 * both under `crc32`. They are written atomically. They may be larger than memory: see `StoredValues`.
 */
import { statSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import type { NetworkDescription } from '../nn/network';
import type { NamedValues } from '../runtime/state';
import { type GivenValues, piecesOf, type StoredValues } from '../runtime/stored-values';
import { UserError } from '../system/user-error';
import { writeAtomically } from '../system/write-atomically';
import { checksumOf, type FileBytes, type Unreadable, withBytesOf } from '../weights/file-bytes';
import { parseSafetensors, safetensorsContent, type TensorPlace } from '../weights/safetensors';
import type { Metrics } from './evaluation/metrics';

export interface NetworkMetadata {
  readonly network: NetworkDescription;
  readonly epoch: number;
  readonly metrics: Metrics;
}

export const checkpointFiles = { last: 'last.safetensors', best: 'best.safetensors', training: 'training.safetensors' };

export interface Checkpoint<M> {
  readonly tensors: ReadonlyMap<string, NamedValues>;
  /** Those that stay in the file. */
  readonly tables: ReadonlyMap<string, StoredValues>;
  readonly metadata: M;
}

interface CheckpointContent {
  readonly tensors: ReadonlyMap<string, GivenValues>;
  readonly metadata: unknown;
}

/** @throws UserError when the disk is full or the folder cannot be written; an earlier file is then untouched */
export function writeCheckpoint(file: string, { tensors, metadata }: CheckpointContent): void {
  const headshare = JSON.stringify(metadata);
  writeAtomically(file, safetensorsContent(tensors, { headshare, crc32: checksum(headshare, tensors) }));
}

/**
 * @param isTable which tensors stay in the file, until they are used; default: none
 * @throws UserError that names the file and its fault
 */
export function readCheckpoint<M>(file: string, isTable: (name: string) => boolean = () => false): Checkpoint<M> {
  const unreadable = (why: string) => new UserError(`The checkpoint ${file} cannot be read: ${why}.`, 1);
  return withBytesOf(file, unreadable, (bytes) => parseCheckpoint(file, bytes, isTable, unreadable));
}

function parseCheckpoint<M>(
  file: string,
  bytes: FileBytes,
  isTable: (name: string) => boolean,
  unreadable: Unreadable,
): Checkpoint<M> {
  const damaged = (why: string) => new UserError(`The checkpoint ${file} is damaged: ${why}.`, 1);
  const { tensors, unread, names, metadata: all } = parseSafetensors(bytes, damaged, (name) => !isTable(name));
  const metadata = parseMetadata<M>(all);
  if (metadata === undefined) throw damaged('it has no headshare metadata');
  for (const [name, { type }] of [...tensors, ...unread]) {
    if (type.name !== 'float32') throw damaged(`${name} is ${type.name}, but checkpoints hold only float32`);
  }
  const values = new Map(
    [...tensors].map(([name, tensor]) => [name, { shape: tensor.shape, values: tensor.values() }]),
  );
  const tables = new Map([...unread].map(([name, place]) => [name, storedIn(file, place, unreadable)]));
  // Early files have no checksum.
  if (all.crc32 !== undefined) {
    const inOrder = names.map((name) => [name, values.get(name) ?? (tables.get(name) as StoredValues)] as const);
    if (all.crc32 !== checksum(all.headshare as string, inOrder)) {
      throw damaged('its content does not match its checksum');
    }
  }
  return { tensors: values, tables, metadata };
}

/** A tensor of a file, which is opened for each reading. @throws UserError when the file is no longer the same */
function storedIn(file: string, { shape, from: start }: TensorPlace, unreadable: Unreadable): StoredValues {
  const identity = () => {
    const { ino, size, mtimeMs } = statSync(file, { throwIfNoEntry: false }) ?? {};
    return `${ino} ${size} ${mtimeMs}`;
  };
  const before = identity();
  return {
    shape,
    read(from, to) {
      if (identity() !== before) throw unreadable('it was replaced while it was read');
      const view = withBytesOf(file, unreadable, (bytes) => bytes.view(start + from * 4, start + to * 4));
      return new Float32Array(view.buffer);
    },
  };
}

/** CRC-32 of the metadata and all names, shapes and values; 8 hexadecimal digits. */
function checksum(metadata: string, tensors: Iterable<readonly [string, GivenValues]>): string {
  let sum = crc32(metadata);
  for (const [name, given] of tensors) {
    sum = crc32(`${name} ${given.shape}`, sum);
    for (const values of piecesOf(given)) sum = checksumOf(values, sum);
  }
  return sum.toString(16).padStart(8, '0');
}

function parseMetadata<M>({ headshare }: Readonly<Record<string, unknown>>): M | undefined {
  if (typeof headshare !== 'string') return undefined;
  try {
    return JSON.parse(headshare) as M;
  } catch {
    return undefined;
  }
}
