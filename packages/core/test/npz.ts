/** Makes NumPy's .npz files, for tests. */
import { zipParts } from '../src/weights/torch/zip-writer';

export interface ArrayForTests {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** One array as a .npy file. */
export function npy({ shape, values }: ArrayForTests, descr = '<f4', fortran = 'False'): Buffer {
  const sizes = shape.map((size) => `${size},`).join(' ');
  const header = `{'descr': '${descr}', 'fortran_order': ${fortran}, 'shape': (${sizes}), }\n`;
  const start = Buffer.from(
    `\x93NUMPY\x01\x00${String.fromCharCode(header.length % 256, header.length >> 8)}${header}`,
    'latin1',
  );
  return Buffer.concat([start, new Uint8Array(values.buffer, values.byteOffset, values.byteLength)]);
}

export function npz(arrays: Readonly<Record<string, ArrayForTests>>): Buffer {
  return Buffer.concat(zipParts(Object.entries(arrays).map(([name, array]) => [`${name}.npy`, npy(array)])));
}
