/**
 * Checkpoints are safetensors files of float32 tensors, with JSON under the metadata key `headshare` and a checksum of
 * both under `crc32`. They are written atomically.
 */
import { crc32 } from 'node:zlib';
import type { NetworkDescription } from '../nn/network';
import type { NamedValues } from '../runtime/state';
import { UserError } from '../system/user-error';
import { writeAtomically } from '../system/write-atomically';
import { bytesInPieces, type FileBytes, withBytesOf } from '../weights/file-bytes';
import { parseSafetensors, safetensorsParts } from '../weights/safetensors';
import type { Metrics } from './evaluation/metrics';

export interface NetworkMetadata {
  readonly network: NetworkDescription;
  readonly epoch: number;
  readonly metrics: Metrics;
}

export const checkpointFiles = { last: 'last.safetensors', best: 'best.safetensors', training: 'training.safetensors' };

export interface Checkpoint<M> {
  readonly tensors: ReadonlyMap<string, NamedValues>;
  readonly metadata: M;
}

/** @throws UserError when the disk is full or the folder cannot be written; an earlier file is then untouched */
export function writeCheckpoint<M>(file: string, { tensors, metadata }: Checkpoint<M>): void {
  const headshare = JSON.stringify(metadata);
  writeAtomically(file, safetensorsParts(tensors, { headshare, crc32: checksum(headshare, tensors) }));
}

/** @throws UserError that names the file and its fault */
export function readCheckpoint<M>(file: string): Checkpoint<M> {
  const unreadable = (why: string) => new UserError(`The checkpoint ${file} cannot be read: ${why}.`, 1);
  return withBytesOf(file, unreadable, (bytes) => parseCheckpoint(file, bytes));
}

function parseCheckpoint<M>(file: string, bytes: FileBytes): Checkpoint<M> {
  const damaged = (why: string) => new UserError(`The checkpoint ${file} is damaged: ${why}.`, 1);
  const { tensors, metadata: all } = parseSafetensors(bytes, damaged);
  const metadata = parseMetadata<M>(all);
  if (metadata === undefined) throw damaged('it has no headshare metadata');
  for (const [name, { type }] of tensors) {
    if (type.name !== 'float32') throw damaged(`${name} is ${type.name}, but checkpoints hold only float32`);
  }
  const values = new Map(
    [...tensors].map(([name, tensor]) => [name, { shape: tensor.shape, values: tensor.values() }]),
  );
  // Early files have no checksum.
  if (all.crc32 !== undefined && all.crc32 !== checksum(all.headshare as string, values)) {
    throw damaged('its content does not match its checksum');
  }
  return { tensors: values, metadata };
}

/** CRC-32 of the metadata and all names, shapes and values; 8 hexadecimal digits. */
function checksum(metadata: string, tensors: ReadonlyMap<string, NamedValues>): string {
  let sum = crc32(metadata);
  for (const [name, { shape, values }] of tensors) {
    sum = crc32(`${name} ${shape}`, sum);
    for (const piece of bytesInPieces(values)) sum = crc32(piece, sum);
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
