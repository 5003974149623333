/** Reads the tensors of ONNX files (onnx.proto's TensorProto), in every storage that the format allows. */
import { statSync } from 'node:fs';
import { dirname, isAbsolute, join, normalize } from 'node:path';
import { Cursor } from '../cursor';
import { contiguousTensor, type ExternalTensor, elementType, type ReadingBudget } from '../external-tensor';
import { isCount, type Refuse, readBytes, shown } from '../refusal';
import { fields, varint } from './wire';

/** The types of TensorProto.DataType that weights and shapes have. */
export const typeNames: ReadonlyMap<number, string> = new Map([
  [1, 'float32'],
  [2, 'uint8'],
  [3, 'int8'],
  [4, 'uint16'],
  [5, 'int16'],
  [6, 'int32'],
  [7, 'int64'],
  [9, 'bool'],
  [10, 'float16'],
  [11, 'float64'],
  [12, 'uint32'],
  [13, 'uint64'],
  [16, 'bfloat16'],
]);

/** Where a file's tensors come from. */
export interface TensorSource {
  /** The file's path; its folder holds the files of external tensors. */
  readonly file: string;
  readonly budget: ReadingBudget;
  readonly refuse: Refuse;
  /** The bytes of external files that were read, by their names in the model. */
  readonly external: Map<string, Buffer>;
}

export interface NamedTensor {
  readonly name: string;
  readonly tensor: ExternalTensor;
}

export function readTensor(bytes: Buffer, source: TensorSource): NamedTensor {
  const { refuse, budget } = source;
  const shape: number[] = [];
  let name = '';
  let kind = 0;
  let raw: Buffer | undefined;
  // Numbers that are not in raw_data are in the field for their type: packed, or one a field.
  const held: Buffer[] = [];
  const external = new Map<string, string>();
  let isExternal = false;
  for (const { number, integer, real, bytes: part } of fields(new Cursor(bytes, refuse))) {
    if (number === 1) shape.push(...(part ? lengths(part, refuse) : [integer ?? 0]));
    else if (number === 2) kind = integer ?? 0;
    else if ([4, 5, 7, 10, 11].includes(number)) held.push(part ?? alone(number, integer ?? real ?? 0));
    else if (number === 8 && part) name = part.toString('utf8');
    else if (number === 9) raw = part ?? Buffer.alloc(0);
    else if (number === 13 && part) external.set(...pairOf(part, refuse));
    else if (number === 14) isExternal = integer === 1;
    if (shape.length > 16) throw refuse(`the tensor ${shown(name)} has more than 16 axes`);
  }
  if (!typeNames.has(kind) && kind > 16)
    throw refuse(`its tensor ${shown(name)} has numbers of less than 16 bits: it is quantised; give the float model`);
  const type = elementType(typeNames.get(kind) ?? `number ${kind} of ONNX`, refuse);
  const size = shape.reduce((a, b) => a * b, 1);
  if (!shape.every(isCount) || !isCount(size)) throw refuse(`the tensor ${shown(name)} has no proper shape`);
  const wanted = size * type.bytes;
  if (isExternal) raw = externalBytes(name, external, wanted, source);
  const data = raw ?? fromFields(Buffer.concat(held), type.name, size, refuse);
  if (data.length !== wanted) {
    throw refuse(`the tensor ${shown(name)} [${shape}] has ${data.length} bytes and not ${wanted}`);
  }
  // External files add to the bytes that may be read.
  if (isExternal) budget.left += wanted;
  return { name, tensor: contiguousTensor(type, shape, data, budget, refuse) };
}

function lengths(bytes: Buffer, refuse: Refuse): number[] {
  const cursor = new Cursor(bytes, refuse);
  const numbers: number[] = [];
  while (cursor.at < bytes.length && numbers.length <= 16) numbers.push(varint(cursor));
  return numbers;
}

/** One number of a list that is not packed, as it would be in a packed one. */
function alone(field: number, value: number): Buffer {
  const bytes = Buffer.alloc(field === 4 ? 4 : field === 10 ? 8 : 10);
  if (field === 4) bytes.writeFloatLE(value);
  else if (field === 10) bytes.writeDoubleLE(value);
  else {
    let rest = BigInt.asUintN(64, BigInt(Math.trunc(value)));
    let at = 0;
    for (; rest > 127n; rest >>= 7n) bytes[at++] = Number(rest & 127n) | 128;
    bytes[at++] = Number(rest);
    return bytes.subarray(0, at);
  }
  return bytes;
}

/** float_data and double_data hold the numbers themselves; the other fields hold varints, for half precision its 16 bits. */
function fromFields(packed: Buffer, type: string, size: number, refuse: Refuse): Buffer {
  if (type === 'float32' || type === 'float64') return packed;
  const { bytes } = elementType(type, refuse);
  // Each varint takes a byte or more.
  const count = Math.min(size, packed.length);
  const out = Buffer.alloc(count * bytes);
  const cursor = new Cursor(packed, refuse);
  let read = 0;
  for (; cursor.at < packed.length && read < count; read++) {
    const value = BigInt(varint(cursor));
    for (let i = 0; i < bytes; i++) out[read * bytes + i] = Number((value >> BigInt(8 * i)) & 255n);
  }
  return cursor.at < packed.length ? Buffer.concat([out, packed.subarray(cursor.at)]) : out.subarray(0, read * bytes);
}

function pairOf(bytes: Buffer, refuse: Refuse): [string, string] {
  const pair: [string, string] = ['', ''];
  for (const { number, bytes: part } of fields(new Cursor(bytes, refuse))) {
    if (part && (number === 1 || number === 2)) pair[number - 1] = part.toString('utf8');
  }
  return pair;
}

/** The bytes of a tensor in another file, which must lie in the model's folder. */
function externalBytes(name: string, given: ReadonlyMap<string, string>, wanted: number, source: TensorSource): Buffer {
  const { file, refuse, external } = source;
  const location = given.get('location') ?? '';
  const inside = normalize(location);
  if (location === '' || isAbsolute(location) || inside.startsWith('..')) {
    throw refuse(`its tensor ${shown(name)} is in ${shown(location)}, which is not in the model's folder`);
  }
  const path = join(dirname(file), inside);
  let bytes = external.get(location);
  if (!bytes) {
    if (!statSync(path, { throwIfNoEntry: false })?.isFile()) {
      throw refuse(`its tensor ${shown(name)} is in ${shown(path)}, which is not there: keep it beside the model`);
    }
    bytes = readBytes(path);
    external.set(location, bytes);
  }
  const offset = Number(given.get('offset') ?? 0);
  const length = Number(given.get('length') ?? wanted);
  if (!isCount(offset) || length !== wanted || offset + length > bytes.length) {
    throw refuse(
      `its tensor ${shown(name)} is bytes ${offset} to ${offset + wanted} of ${shown(path)}, which has ${bytes.length}`,
    );
  }
  return bytes.subarray(offset, offset + length);
}
