/** Reads MATLAB's MAT-files of version 5 (MathWorks, "MAT-File Format"), as far as tables of classes need it. */
import { inflateSync } from 'node:zlib';
import { Cursor } from '@headshare/core/weights/cursor';
import type { Refuse } from '@headshare/core/weights/refusal';

/** Numbers or structures are in MATLAB's order, column by column; undefined: cells, objects, sparse arrays. */
export type MatValue =
  | { readonly kind: 'numbers'; readonly values: readonly number[] }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'struct'; readonly elements: readonly ReadonlyMap<string, MatValue>[] }
  | undefined;

const headerBytes = 128;
const compressed = 15;
const matrix = 14;
// A table of classes takes about 1 MB.
const largestInflated = 1 << 26;
const deepest = 16;

const structClass = 2;
const textClass = 4;
const isNumberClass = (kind: number): boolean => kind >= 6 && kind <= 15;

type ReadNumber = (bytes: Buffer, at: number) => number;

/** Types of stored numbers by their codes: bytes of a number, and its reader. */
const numberTypes: Readonly<Record<number, readonly [number, ReadNumber]>> = {
  1: [1, (bytes, at) => bytes.readInt8(at)],
  2: [1, (bytes, at) => bytes.readUInt8(at)],
  3: [2, (bytes, at) => bytes.readInt16LE(at)],
  4: [2, (bytes, at) => bytes.readUInt16LE(at)],
  5: [4, (bytes, at) => bytes.readInt32LE(at)],
  6: [4, (bytes, at) => bytes.readUInt32LE(at)],
  7: [4, (bytes, at) => bytes.readFloatLE(at)],
  9: [8, (bytes, at) => bytes.readDoubleLE(at)],
  12: [8, (bytes, at) => Number(bytes.readBigInt64LE(at))],
  13: [8, (bytes, at) => Number(bytes.readBigUInt64LE(at))],
};
const utf8 = 16;
const utf16 = 17;

interface Element {
  readonly type: number;
  readonly data: Buffer;
}

/** The file's variables by name. @throws UserError for any other file */
export function readMatFile(bytes: Buffer, refuse: Refuse): ReadonlyMap<string, MatValue> {
  if (bytes.length < headerBytes || bytes.toString('latin1', 126, 128) !== 'IM') {
    throw refuse('it is not a little-endian MAT-file of version 5');
  }
  const input = new Cursor(bytes, refuse, headerBytes);
  const variables = new Map<string, MatValue>();
  while (input.at < bytes.length) {
    const element = readElement(input);
    const whole = element.type === compressed ? inflated(element.data, refuse) : element;
    if (whole.type !== matrix) continue;
    const { name, value } = readMatrix(whole.data, refuse, 0);
    variables.set(name, value);
  }
  return variables;
}

/** Reads a tag of type and size, then the data, padded to 8 bytes; up to 4 bytes of data are in the tag itself. */
function readElement(input: Cursor): Element {
  const first = input.uint(4);
  const small = first >>> 16;
  if (small > 0) {
    if (small > 4) throw input.refuse(`it has a small element of ${small} bytes`);
    return { type: first & 0xffff, data: input.take(4).subarray(0, small) };
  }
  const size = input.uint(4);
  const data = input.take(size);
  // The last element of a file may lack its padding; compressed ones have none.
  if (first !== compressed) input.take(Math.min(-size & 7, input.bytes.length - input.at));
  return { type: first, data };
}

function inflated(data: Buffer, refuse: Refuse): Element {
  let bytes: Buffer;
  try {
    bytes = inflateSync(data, { maxOutputLength: largestInflated });
  } catch (error) {
    throw refuse(`its compressed data is damaged (${(error as Error).message})`);
  }
  return readElement(new Cursor(bytes, refuse));
}

function readMatrix(data: Buffer, refuse: Refuse, depth: number): { name: string; value: MatValue } {
  if (depth > deepest) throw refuse('its structures are nested too deeply');
  // An empty matrix may have no parts at all.
  if (data.length === 0) return { name: '', value: undefined };
  const input = new Cursor(data, refuse);
  const flags = readElement(input).data;
  const kind = flags[0];
  const size = numbersOf(readElement(input), refuse).reduce((a, b) => a * b, 1);
  const name = readElement(input).data.toString('latin1');
  if (kind === undefined) throw refuse('one of its variables has no class');
  if (kind === structClass) return { name, value: readStruct(input, size, depth) };
  if (kind === textClass) return { name, value: { kind: 'text', text: textOf(readElement(input), refuse) } };
  if (!isNumberClass(kind)) return { name, value: undefined };
  return { name, value: { kind: 'numbers', values: numbersOf(readElement(input), refuse) } };
}

/** Reads the length of field names, the names padded to it, then all fields element by element. */
function readStruct(input: Cursor, size: number, depth: number): MatValue {
  const [length = 0] = numbersOf(readElement(input), input.refuse);
  const { data } = readElement(input);
  if (!(length > 0) || data.length % length !== 0 || data.length === 0) {
    throw input.refuse('it has a structure without fields');
  }
  const names = Array.from({ length: data.length / length }, (_, i) =>
    data.toString('latin1', i * length, (i + 1) * length).replace(/\0.*$/s, ''),
  );
  const elements: ReadonlyMap<string, MatValue>[] = [];
  for (let i = 0; i < size; i++) {
    elements.push(
      new Map(names.map((field) => [field, readMatrix(readElement(input).data, input.refuse, depth + 1).value])),
    );
  }
  return { kind: 'struct', elements };
}

function numbersOf({ type, data }: Element, refuse: Refuse): number[] {
  const [bytes, read] = numberTypes[type] ?? [];
  if (!bytes || !read) throw refuse(`it has numbers of the unknown type ${type}`);
  return Array.from({ length: Math.floor(data.length / bytes) }, (_, i) => read(data, i * bytes));
}

function textOf(element: Element, refuse: Refuse): string {
  if (element.type === utf8) return element.data.toString('utf8');
  if (element.type === utf16) return element.data.toString('utf16le');
  return numbersOf(element, refuse)
    .map((code) => String.fromCharCode(code))
    .join('');
}
