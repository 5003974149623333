import { deflateSync } from 'node:zlib';

/** A row of a table: its fields by name. */
type MatRow = Readonly<Record<string, number | string>>;

/** A MAT-file of version 5 with one table (a column of structures), by default compressed as MATLAB does. */
export function matFile(name: string, rows: readonly MatRow[], compress = true): Buffer {
  const header = Buffer.alloc(128, ' ');
  header.write('MATLAB 5.0 MAT-file', 'latin1');
  header.fill(0, 116, 124);
  header.writeUInt16LE(0x0100, 124);
  header.write('IM', 126, 'latin1');
  const table = structure(name, rows);
  const data = compress ? deflateSync(table) : table;
  return Buffer.concat([header, compress ? Buffer.concat([tag(15, data.length), data]) : data]);
}

function structure(name: string, rows: readonly MatRow[]): Buffer {
  const fields = Object.keys(rows[0] ?? {});
  const length = 32;
  const names = Buffer.concat(fields.map((field) => Buffer.from(field.padEnd(length, '\0'), 'latin1')));
  const values = rows.flatMap((row) => fields.map((field) => value(row[field] ?? 0)));
  return matrix(2, [rows.length, 1], name, [smallElement(5, int32(length)), element(1, names), ...values]);
}

function value(of: number | string): Buffer {
  if (typeof of === 'number') return matrix(6, [1, 1], '', [smallElement(4, uint16(of))]);
  const text = Buffer.concat([...of].map((letter) => uint16(letter.charCodeAt(0))));
  return matrix(4, [1, of.length], '', [element(4, text)]);
}

/** Flags with the class, dimensions, name, then the parts of the class. */
function matrix(kind: number, dimensions: readonly number[], name: string, parts: readonly Buffer[]): Buffer {
  const flags = Buffer.concat([int32(kind), int32(0)]);
  const head = [element(6, flags), element(5, Buffer.concat(dimensions.map(int32))), element(1, Buffer.from(name))];
  return element(14, Buffer.concat([...head, ...parts]));
}

function element(type: number, data: Buffer): Buffer {
  return Buffer.concat([tag(type, data.length), data, Buffer.alloc(-data.length & 7)]);
}

/** An element of up to 4 bytes, which are in the tag. */
function smallElement(type: number, data: Buffer): Buffer {
  return Buffer.concat([uint16(type), uint16(data.length), data, Buffer.alloc(4 - data.length)]);
}

const tag = (type: number, size: number): Buffer => Buffer.concat([int32(type), int32(size)]);

function int32(number: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(number);
  return bytes;
}

function uint16(number: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(number);
  return bytes;
}
