/**
 * Checkpoints are safetensors files (https://github.com/huggingface/safetensors): a JSON header with names, shapes and
 * offsets, then the bytes. Ours hold float32 tensors, and what else there is to know as JSON under the metadata key
 * `headshare`. They are written whole or not at all.
 */
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writevSync } from 'node:fs';
import { dirname } from 'node:path';
import type { NamedValues } from '../runtime/state';
import { UserError } from '../runtime/user-error';

export interface Checkpoint<M> {
  readonly tensors: ReadonlyMap<string, NamedValues>;
  readonly metadata: M;
}

interface HeaderEntry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

/**
 * Writes `file` through a temporary file beside it, synced and renamed: a crash or a full disk leaves the old one.
 * @throws UserError when the disk is full or the folder cannot be written.
 */
export function writeCheckpoint<M>(file: string, { tensors, metadata }: Checkpoint<M>): void {
  let offset = 0;
  const entries: [string, unknown][] = [['__metadata__', { headshare: JSON.stringify(metadata) }]];
  for (const [name, { shape, values }] of tensors) {
    entries.push([name, { dtype: 'F32', shape, data_offsets: [offset, offset + values.byteLength] }]);
    offset += values.byteLength;
  }
  const json = Buffer.from(JSON.stringify(Object.fromEntries(entries)), 'utf8');
  // Padded with spaces so that the tensors start on a multiple of 8.
  const header = Buffer.concat([json, Buffer.alloc((8 - (json.length % 8)) % 8, ' ')]);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  const parts = [...tensors.values()].map(({ values }) =>
    Buffer.from(values.buffer, values.byteOffset, values.byteLength),
  );
  writeAtomically(file, [length, header, ...parts]);
}

/** Writes the parts one after another into `file`, whole or not at all. @throws UserError on a full or read-only disk. */
export function writeAtomically(file: string, parts: readonly Uint8Array[]): void {
  const temporary = `${file}.partial`;
  let descriptor: number | undefined;
  try {
    descriptor = openSync(temporary, 'w');
    for (const part of parts) {
      let written = 0;
      while (written < part.byteLength) written += writevSync(descriptor, [part.subarray(written)]);
    }
    fsyncSync(descriptor);
    closeSync(descriptor);
    descriptor = undefined;
    renameSync(temporary, file);
  } catch (error) {
    if (descriptor !== undefined) closeSync(descriptor);
    try {
      rmSync(temporary, { force: true });
    } catch {
      // The folder itself cannot be written: the first error says so.
    }
    throw asUserError(error, file);
  }
}

function asUserError(error: unknown, file: string): unknown {
  const code = (error as NodeJS.ErrnoException).code;
  const kept = 'the one written before it is untouched';
  if (code === 'ENOSPC') return new UserError(`The disk is full: ${file} could not be written; ${kept}.`, 1);
  if (code === 'EACCES' || code === 'EROFS' || code === 'EPERM') {
    return new UserError(`${dirname(file)} cannot be written to (${code}): ${file} was not saved; ${kept}.`, 1);
  }
  if (code === 'ENOENT') return new UserError(`The folder ${dirname(file)} does not exist: ${file} was not saved.`, 1);
  return error;
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
  if (bytes.length < 8) throw damaged(`it has ${bytes.length} bytes, less than its header's length takes`);
  const length = bytes.readBigUInt64LE(0);
  if (length > BigInt(bytes.length - 8)) throw damaged(`its header of ${length} bytes runs past its end`);
  const start = 8 + Number(length);
  const header = parseHeader(bytes.subarray(8, start), damaged);

  const tensors = new Map<string, NamedValues>();
  let metadata: M | undefined;
  // Tensors fill the file exactly: ones that shared bytes could ask for far more memory than the file has.
  let left = bytes.length - start;
  for (const [name, entry] of Object.entries(header)) {
    if (name === '__metadata__') {
      metadata = parseMetadata<M>(entry);
      continue;
    }
    if (!isHeaderEntry(entry)) throw damaged(`its header entry ${name} is malformed`);
    const [from, to] = entry.data_offsets;
    const size = entry.shape.reduce((a, b) => a * b, 4);
    if (entry.dtype !== 'F32') throw damaged(`${name} is ${entry.dtype}, only F32 is written here`);
    if (to - from !== size || start + to > bytes.length) throw damaged(`the bytes of ${name} are not all there`);
    left -= size;
    if (left < 0) throw damaged('its tensors overlap');
    const values = new Float32Array(new Uint8Array(bytes.subarray(start + from, start + to)).buffer);
    tensors.set(name, { shape: entry.shape, values });
  }
  if (metadata === undefined) throw damaged('it has no headshare metadata');
  if (left > 0) throw damaged(`${left} bytes at its end belong to no tensor`);
  return { tensors, metadata };
}

function parseHeader(bytes: Buffer, damaged: (why: string) => UserError): Record<string, unknown> {
  try {
    const header: unknown = JSON.parse(bytes.toString('utf8'));
    if (typeof header === 'object' && header !== null && !Array.isArray(header)) {
      return header as Record<string, unknown>;
    }
  } catch {
    // Falls through to the one sentence for all that is not an object.
  }
  throw damaged('its header is not a JSON object');
}

function parseMetadata<M>(entry: unknown): M | undefined {
  const text = (entry as { headshare?: unknown } | null)?.headshare;
  if (typeof text !== 'string') return undefined;
  try {
    return JSON.parse(text) as M;
  } catch {
    return undefined;
  }
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

function isHeaderEntry(entry: unknown): entry is HeaderEntry {
  const { dtype, shape, data_offsets: offsets } = (entry ?? {}) as Partial<Record<keyof HeaderEntry, unknown>>;
  return (
    typeof dtype === 'string' &&
    Array.isArray(shape) &&
    shape.every(isCount) &&
    Array.isArray(offsets) &&
    offsets.length === 2 &&
    offsets.every(isCount) &&
    (offsets[0] as number) <= (offsets[1] as number)
  );
}
