/** NumPy's arrays, numbers and types in pickles: a checkpoint's best accuracy, a data set's images. */
import { type ElementType, elementTypes } from '../element-types';
import { isCount, shown } from '../refusal';
import {
  itemsOf,
  type Make,
  type PickleContext,
  type PickleGlobals,
  PickleRecord,
  Stateful,
  Tuple,
} from './pickle-values';

const typeNames: Readonly<Record<string, string>> = {
  f2: 'float16',
  f4: 'float32',
  f8: 'float64',
  i1: 'int8',
  i2: 'int16',
  i4: 'int32',
  i8: 'int64',
  u1: 'uint8',
  u2: 'uint16',
  u4: 'uint32',
  u8: 'uint64',
  b1: 'bool',
};

/** numpy.dtype; `type` is undefined unless it is plain little-endian numbers. */
class NumpyType extends Stateful {
  private little = true;

  constructor(private readonly code: string) {
    super();
  }

  get type(): ElementType | undefined {
    const type = elementTypes.get(typeNames[this.code] ?? '');
    return this.little || type?.bytes === 1 ? type : undefined;
  }

  /** (version, byte order, ...); '<' and '|' are little-endian. */
  setState(state: unknown): void {
    this.little = itemsOf(state)?.[1] !== '>';
  }
}

/** numpy.ndarray as stored: `data` has the numbers, row by row unless `columnMajor`. */
export class NumpyArray extends Stateful {
  shape: readonly number[] = [0];
  type: ElementType | undefined;
  columnMajor = false;
  data: Buffer = Buffer.alloc(0);

  /** (version, shape, dtype, is Fortran's order, data) */
  setState(state: unknown, context: PickleContext): void {
    const [, dimensions, type, columnMajor, data] = itemsOf(state) ?? [];
    const shape = itemsOf(dimensions);
    if (!shape || shape.length > 32 || !shape.every(isCount) || !(type instanceof NumpyType)) {
      throw context.refuse('an array of NumPy in it is damaged');
    }
    this.shape = [...shape];
    this.type = type.type;
    this.columnMajor = columnMajor === true || columnMajor === 1;
    // Arrays of objects have a list here, which is ignored.
    if (!this.type) return;
    // Python 2's strings are bytes.
    if (typeof data === 'string') context.copy(data.length);
    const bytes = typeof data === 'string' ? Buffer.from(data, 'latin1') : data;
    const size = shape.reduce((a, b) => a * b, this.type.bytes);
    if (!Buffer.isBuffer(bytes) || bytes.length !== size) {
      throw context.refuse(`an array of NumPy of shape [${shape}] in it has a wrong number of bytes`);
    }
    this.data = bytes;
  }
}

/** (data, dtype, shape, order): arrays of NumPy 2 in Python's protocol 5. */
const fromBuffer: Make = ([data, type, shape, order], context) => {
  const array = new NumpyArray();
  array.setState(new Tuple([1, shape, type, order === 'F', data]), context);
  return array;
};

const dtype: Make = ([code], context) => {
  if (typeof code !== 'string') throw context.refuse('a type of NumPy in it is damaged');
  return new NumpyType(code);
};

/** A number; a record where its type is unknown. */
const scalar: Make = (args, context) => {
  const [type, value] = args;
  if (!(type instanceof NumpyType)) throw context.refuse('a number of NumPy in it has no type');
  if (!type.type) return new PickleRecord('numpy.core.multiarray.scalar', args);
  const bytes = typeof value === 'string' ? Buffer.from(value.slice(0, 16), 'latin1') : value;
  if (!Buffer.isBuffer(bytes) || bytes.length !== type.type.bytes) {
    throw context.refuse(`a number of NumPy in it lacks the ${type.type.bytes} bytes of ${shown(type.type.name)}`);
  }
  return type.type.read(new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0);
};

export const numpyGlobals: PickleGlobals = new Map<string, Make | 'record' | 'name'>([
  ['numpy.core.multiarray.scalar', scalar],
  ['numpy.core.multiarray._reconstruct', () => new NumpyArray()],
  ['numpy.core.numeric._frombuffer', fromBuffer],
  ['numpy.ndarray', 'name'],
  ['numpy.dtype', dtype],
  // NumPy 2 on Python's newer protocols names the classes of types.
  ...['Float16', 'Float32', 'Float64', 'Int8', 'Int16', 'Int32', 'Int64', 'UInt8', 'Bool'].map(
    (name) => [`numpy.dtypes.${name}DType`, 'name'] as const,
  ),
]);
