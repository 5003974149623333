/**
 * Safetensors files (https://github.com/huggingface/safetensors): 8 bytes with the length of a JSON header, the header with
 * names, types, shapes and offsets, and the tensors' bytes without gaps.
 */
import { type GivenValues, piecesOf } from '../runtime/stored-values';
import { isRecord } from '../system/is-record';
import type { MadeContent } from '../system/write-atomically';
import { type ElementType, elementTypes } from './element-types';
import { contiguousTensor, type ExternalTensors } from './external-tensor';
import { bytesInPieces, type FileBytes } from './file-bytes';
import { isCount, type Refuse, shown } from './refusal';
import { repeatedName } from './repeated-name';

export interface Safetensors {
  readonly tensors: ExternalTensors;
  /** Where the tensors are that were not read. */
  readonly unread: ReadonlyMap<string, TensorPlace>;
  /** All names, in the header's order. */
  readonly names: readonly string[];
  /** The header's `__metadata__`. */
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** A tensor's type and shape, and the position of its first byte in the file. */
export interface TensorPlace {
  readonly type: ElementType;
  readonly shape: readonly number[];
  readonly from: number;
}

const typeNames: Readonly<Record<string, string>> = {
  F16: 'float16',
  BF16: 'bfloat16',
  F32: 'float32',
  F64: 'float64',
  I8: 'int8',
  U8: 'uint8',
  I16: 'int16',
  U16: 'uint16',
  I32: 'int32',
  U32: 'uint32',
  I64: 'int64',
  U64: 'uint64',
  BOOL: 'bool',
};

// About 100,000 tensors. The format allows 100 MB, which takes gigabytes of memory as JSON.
const longestHeader = 16_000_000;

interface HeaderEntry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

/** Whether the bytes start like a safetensors file, with a header's length and a brace. */
export function isSafetensors(file: FileBytes): boolean {
  if (file.length <= 8) return false;
  const start = file.bytes(0, 9);
  return start.readBigUInt64LE(0) <= BigInt(file.length - 8) && start[8] === 0x7b;
}

/**
 * @param isRead which tensors are read; default: all
 * @throws UserError by `refuse` when the tensors do not fill the file exactly, or have unknown types
 */
export function parseSafetensors(
  bytes: FileBytes,
  refuse: Refuse,
  isRead: (name: string) => boolean = () => true,
): Safetensors {
  if (bytes.length < 8) throw refuse(`it has ${bytes.length} bytes, less than its header's length takes`);
  const length = bytes.bytes(0, 8).readBigUInt64LE(0);
  if (length > BigInt(bytes.length - 8)) throw refuse(`its header of ${length} bytes runs past its end`);
  if (length > BigInt(longestHeader)) throw refuse(`its header of ${length} bytes is longer than any may be`);
  const start = 8 + Number(length);
  const { __metadata__: metadata, ...rest } = parseSafetensorsHeader(bytes.bytes(8, start), refuse);
  const entries = Object.entries(rest).map(([name, entry]) => {
    if (!isHeaderEntry(entry)) throw refuse(`its header entry ${shown(name)} is malformed`);
    return [name, entry] as const;
  });
  checkPlaces(entries, bytes.length - start, refuse);
  const budget = { left: bytes.length };
  const unread = new Map<string, TensorPlace>();
  const tensors = entries.flatMap(([name, { dtype, shape, data_offsets: offsets }]) => {
    const [from, to] = offsets;
    const type = elementTypes.get((Object.hasOwn(typeNames, dtype) && typeNames[dtype]) || '');
    if (!type)
      throw refuse(`its tensor ${shown(name)} is ${typeWords(dtype)}; known are ${Object.keys(typeNames).join(', ')}`);
    const elements = shape.includes(0) ? 0 : shape.reduce((a, b) => a * b, 1);
    if (elements * type.bytes !== to - from) throw refuse(`the bytes of ${shown(name)} are not all there`);
    if (!isRead(name)) {
      unread.set(name, { type, shape, from: start + from });
      return [];
    }
    return [[name, contiguousTensor(type, shape, bytes.view(start + from, start + to), budget, refuse)] as const];
  });
  const isRecord = typeof metadata === 'object' && metadata !== null;
  return {
    tensors: new Map(tensors),
    unread,
    names: entries.map(([name]) => name),
    metadata: isRecord ? (metadata as Record<string, unknown>) : {},
  };
}

/** Types of few bits, for which other programs keep scales that no network here reads. */
function typeWords(dtype: string): string {
  const bits = /^(F|I|U|C)(\d{1,3})(?=_|$)/.exec(dtype);
  const kinds: Readonly<Record<string, string>> = { F: 'floats', I: 'integers', U: 'integers', C: 'complex numbers' };
  return bits ? `${bits[2]}-bit ${kinds[bits[1] ?? '']} (${shown(dtype)})` : shown(dtype);
}

/** Checks that tensors fill the file exactly: if they shared bytes, they could ask for far more memory than it has. */
function checkPlaces(entries: readonly (readonly [string, HeaderEntry])[], size: number, refuse: Refuse): void {
  let end = 0;
  const places = entries.map(([name, { data_offsets: offsets }]) => [name, ...offsets] as const);
  for (const [name, from, to] of places.sort(([, a, b], [, c, d]) => a - c || b - d)) {
    if (to > size) throw refuse(`the bytes of ${shown(name)} are not all there`);
    if (from < end) throw refuse('its tensors overlap');
    if (from > end) throw refuse(`${from - end} bytes before ${shown(name)} belong to no tensor`);
    end = to;
  }
  if (end < size) throw refuse(`${size - end} bytes at its end belong to no tensor`);
}

/** The entries of a header by name, not yet checked. */
export function parseSafetensorsHeader(bytes: Buffer, refuse: Refuse): Record<string, unknown> {
  const json = bytes.toString('utf8');
  const header = parsedObject(json);
  if (!header) throw refuse('its header is not a JSON object');
  const twice = repeatedName(json);
  if (twice !== undefined) throw refuse(`its header has ${shown(twice)} twice`);
  return header;
}

function parsedObject(json: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return isRecord(value) && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Whether an entry of a header is well-formed. */
export function isHeaderEntry(entry: unknown): entry is HeaderEntry {
  const { dtype, shape, data_offsets: offsets } = (entry ?? {}) as Partial<Record<keyof HeaderEntry, unknown>>;
  return (
    typeof dtype === 'string' &&
    Array.isArray(shape) &&
    shape.length <= 64 &&
    shape.every(isCount) &&
    Array.isArray(offsets) &&
    offsets.length === 2 &&
    offsets.every(isCount) &&
    (offsets[0] as number) <= (offsets[1] as number)
  );
}

/** The consecutive parts of a file of float32 tensors. */
export const safetensorsParts = (
  tensors: ReadonlyMap<string, GivenValues>,
  metadata: Readonly<Record<string, string>>,
): Uint8Array[] => [...safetensorsContent(tensors, metadata).parts()];

/** A file of float32 tensors. */
export function safetensorsContent(
  tensors: ReadonlyMap<string, GivenValues>,
  metadata: Readonly<Record<string, string>>,
): MadeContent {
  let offset = 0;
  const entries: [string, unknown][] = [['__metadata__', metadata]];
  for (const [name, { shape }] of tensors) {
    const end = offset + shape.reduce((a, b) => a * b, 4);
    entries.push([name, { dtype: 'F32', shape, data_offsets: [offset, end] }]);
    offset = end;
  }
  const json = Buffer.from(JSON.stringify(Object.fromEntries(entries)), 'utf8');
  // Spaces make the tensors start on a multiple of 8.
  const header = Buffer.concat([json, Buffer.alloc((8 - (json.length % 8)) % 8, ' ')]);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return {
    size: length.length + header.length + offset,
    *parts() {
      yield length;
      yield header;
      for (const given of tensors.values()) for (const values of piecesOf(given)) yield* bytesInPieces(values);
    },
  };
}
