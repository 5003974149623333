/**
 * Checkpoints are safetensors files of float32 tensors, with what else there is to know as JSON under the metadata key
 * `headshare`. They are written whole or not at all.
 */
import { readFileSync } from 'node:fs';
import type { NamedValues } from '../runtime/state';
import { UserError } from '../runtime/user-error';
import { writeAtomically } from '../runtime/write-atomically';
import { parseSafetensors, safetensorsParts } from '../weights/safetensors';

export interface Checkpoint<M> {
  readonly tensors: ReadonlyMap<string, NamedValues>;
  readonly metadata: M;
}

/** @throws UserError when the disk is full or the folder cannot be written: the file before it is untouched. */
export function writeCheckpoint<M>(file: string, { tensors, metadata }: Checkpoint<M>): void {
  writeAtomically(file, safetensorsParts(tensors, { headshare: JSON.stringify(metadata) }));
}

/** Reads a checkpoint of ours. @throws UserError that names the file and what is wrong with it. */
export function readCheckpoint<M>(file: string): Checkpoint<M> {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    throw new UserError(`The checkpoint ${file} cannot be read: ${(error as Error).message}.`, 1);
  }
  const damaged = (why: string) => new UserError(`The checkpoint ${file} is damaged: ${why}.`, 1);
  const { tensors, metadata: all } = parseSafetensors(bytes, damaged);
  const metadata = parseMetadata<M>(all);
  if (metadata === undefined) throw damaged('it has no headshare metadata');
  for (const [name, { type }] of tensors) {
    if (type.name !== 'float32') throw damaged(`${name} is ${type.name}, only float32 is written here`);
  }
  return {
    tensors: new Map([...tensors].map(([name, tensor]) => [name, { shape: tensor.shape, values: tensor.values() }])),
    metadata,
  };
}

function parseMetadata<M>({ headshare }: Readonly<Record<string, unknown>>): M | undefined {
  if (typeof headshare !== 'string') return undefined;
  try {
    return JSON.parse(headshare) as M;
  } catch {
    return undefined;
  }
}
