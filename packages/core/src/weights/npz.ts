/** Reads NumPy's archives of arrays (numpy.savez): stored .npy entries of little-endian floats, row by row. */
import { elementTypes } from './element-types';
import { isCount, type Refuse, refusal, shown, withFile } from './refusal';
import { openZip } from './torch/zip-archive';

export interface NumpyArray {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

const types: Readonly<Record<string, string>> = { '<f2': 'float16', '<f4': 'float32', '<f8': 'float64' };

/** @returns the arrays by their names @throws UserError when the file is damaged, compressed or holds other types */
export function readNpz(file: string): Map<string, NumpyArray> {
  const refuse = refusal(file, "NumPy's .npz");
  return withFile(file, (bytes) => {
    const zip = openZip(bytes, refuse);
    return new Map(
      zip.names.map((entry): [string, NumpyArray] => {
        const name = entry.replace(/\.npy$/, '');
        const array = zip.read(entry) ?? Buffer.alloc(0);
        return [name, readNpy(array, (why) => refuse(`of its array ${shown(name)}, ${why}`))];
      }),
    );
  });
}

/** Versions 1 to 3 (numpy.lib.format). */
function readNpy(bytes: Buffer, refuse: Refuse): NumpyArray {
  if (bytes.length < 12 || bytes.subarray(0, 6).toString('latin1') !== '\x93NUMPY')
    throw refuse("the start is not NumPy's");
  const version = bytes[6] ?? 0;
  const length = version === 1 ? bytes.readUInt16LE(8) : bytes.readUInt32LE(8);
  const from = (version === 1 ? 10 : 12) + length;
  if (version < 1 || version > 3 || from > bytes.length) throw refuse('the header is damaged');
  const header = bytes.subarray(version === 1 ? 10 : 12, from).toString('latin1');
  const descr = /'descr':\s*'([^']*)'/.exec(header)?.[1] ?? '';
  const type = Object.hasOwn(types, descr) ? elementTypes.get(types[descr] as string) : undefined;
  if (!type) throw refuse(`the numbers are '${shown(descr)}'; floats are read (array.astype("float32"))`);
  if (!/'fortran_order':\s*False/.test(header)) throw refuse('the order is by columns (numpy.ascontiguousarray)');
  const shape = (/'shape':\s*\(([^)]*)\)/.exec(header)?.[1] ?? '')
    .split(',')
    .filter((size) => size.trim() !== '')
    .map(Number);
  const count = shape.reduce((a, b) => a * b, 1);
  if (!shape.every(isCount) || !isCount(count) || bytes.length - from !== count * type.bytes) {
    throw refuse(`the ${bytes.length - from} bytes are no numbers of shape (${shape})`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset + from);
  return { shape, values: Float32Array.from({ length: count }, (_, i) => type.read(view, i * type.bytes)) };
}
