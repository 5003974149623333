/** Finds matrices of floats in large files by reading only the files' headers. */
import type { FileHandle } from 'node:fs/promises';
import { type ElementType, elementTypes } from '@headshare/core/weights/element-types';
import { type Refuse, shown } from '@headshare/core/weights/refusal';
import { isHeaderEntry, parseSafetensorsHeader } from '@headshare/core/weights/safetensors';
import { readFully } from './embedding-rows';

export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly type: ElementType;
  /** Byte offset of the first number in the file; the others follow, row by row, little-endian. */
  readonly offset: number;
}

interface MatrixFile {
  readonly handle: FileHandle;
  readonly file: string;
  /** In bytes. */
  readonly size: number;
  readonly refuse: Refuse;
}

// The header of one matrix takes 128 bytes, that of some thousand tensors a megabyte.
const longestHeader = 1_000_000;

const npyTypes: Readonly<Record<string, string>> = { '<f2': 'float16', '<f4': 'float32', '<f8': 'float64' };
const safetensorsTypes: Readonly<Record<string, string>> = {
  F16: 'float16',
  BF16: 'bfloat16',
  F32: 'float32',
  F64: 'float64',
};

/** A matrix of little-endian floats in row order in NumPy's format, versions 1 to 3 (numpy.lib.format). */
export async function npyMatrix({ handle, file, size, refuse }: MatrixFile): Promise<Matrix> {
  const start = new Uint8Array(Math.min(12, size));
  await readFully(handle, file, start, 0);
  const view = new DataView(start.buffer);
  if (size < 12 || Buffer.from(start.subarray(0, 6)).toString('latin1') !== '\x93NUMPY') {
    throw refuse('it does not start like a NumPy file');
  }
  const [version = 0] = start.subarray(6);
  const length = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  const from = version === 1 ? 10 : 12;
  if (version < 1 || version > 3 || length > longestHeader || from + length > size) {
    throw refuse('its header is damaged');
  }
  const bytes = new Uint8Array(length);
  await readFully(handle, file, bytes, from);
  const text = Buffer.from(bytes).toString('latin1');
  const descr = /'descr':\s*'([^']*)'/.exec(text)?.[1] ?? 'fields';
  const [, rows, columns] = /'shape':\s*\((\d+),\s*(\d+),?\s*\)/.exec(text) ?? [];
  if (rows === undefined || columns === undefined)
    throw refuse('it holds no matrix: its shape must be (images, dimension)');
  if (!/'fortran_order':\s*False/.test(text))
    throw refuse('it is stored column by column; it must be row by row (numpy.ascontiguousarray)');
  const type = typeOf(npyTypes, descr, refuse);
  const matrix = inFile({ rows: Number(rows), columns: Number(columns), type, offset: from + length }, size, refuse);
  const after = size - (matrix.offset + matrix.rows * matrix.columns * type.bytes);
  if (after > 0) throw refuse(`${after} bytes follow its matrix, perhaps a second one`);
  return matrix;
}

/** The matrices `embeddings` and `flipped` of a safetensors file; other tensors are ignored. */
export async function safetensorsMatrices({
  handle,
  file,
  size,
  refuse,
}: MatrixFile): Promise<{ readonly embeddings: Matrix; readonly flipped?: Matrix }> {
  const start = new Uint8Array(8);
  if (size < 8) throw refuse(`it has ${size} bytes, too few for the length of a header`);
  await readFully(handle, file, start, 0);
  const length = new DataView(start.buffer).getBigUint64(0, true);
  if (length > BigInt(Math.min(longestHeader, size - 8))) throw refuse('its header is too long');
  const bytes = new Uint8Array(Number(length));
  await readFully(handle, file, bytes, 8);
  const header = parseSafetensorsHeader(Buffer.from(bytes), refuse);
  const matrix = (name: string) => {
    const entry = header[name];
    if (!isHeaderEntry(entry)) throw refuse(`its header entry ${name} is malformed`);
    if (entry.shape.length !== 2) throw refuse(`${name} is not a matrix`);
    const [rows, columns] = entry.shape as [number, number];
    const type = typeOf(safetensorsTypes, entry.dtype, refuse);
    const [start, end] = entry.data_offsets;
    if (end - start !== rows * columns * type.bytes) throw refuse(`${name} is incomplete`);
    return inFile({ rows, columns, type, offset: 8 + Number(length) + start }, size, refuse);
  };
  if (!Object.hasOwn(header, 'embeddings')) throw refuse("it has no tensor 'embeddings'");
  return { embeddings: matrix('embeddings'), ...(Object.hasOwn(header, 'flipped') && { flipped: matrix('flipped') }) };
}

function typeOf(names: Readonly<Record<string, string>>, name: string, refuse: Refuse): ElementType {
  const type = Object.hasOwn(names, name) ? elementTypes.get(names[name] as string) : undefined;
  const supported = `supported are ${Object.keys(names).join(', ')}`;
  if (!type && name.startsWith('>')) throw refuse(`its numbers are big-endian ('${shown(name)}'); ${supported}`);
  if (!type) throw refuse(`it holds '${shown(name)}'; ${supported}`);
  return type;
}

/** The same matrix. @throws UserError if it does not end within the file */
function inFile(matrix: Matrix, size: number, refuse: Refuse): Matrix {
  const { rows, columns, type, offset } = matrix;
  const end = offset + rows * columns * type.bytes;
  if (Number.isSafeInteger(end) && end <= size) return matrix;
  throw refuse(`it has ${size} bytes; ${rows} rows of ${columns} ${type.name} end at byte ${end}`);
}
