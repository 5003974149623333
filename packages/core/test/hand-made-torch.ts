/** Makes files like torch.save's, for tests, with pickles that PyTorch never writes. */
import { zipParts } from '../src/weights/torch/zip-writer';

/** A file with this pickle, in Latin-1 text, and storages called 0, 1, ... */
export function handMadeTorchFile(pickle: string | Uint8Array, storages: readonly Uint8Array[] = []): Buffer {
  return Buffer.concat(
    zipParts([
      ['archive/data.pkl', typeof pickle === 'string' ? Buffer.from(pickle, 'latin1') : pickle],
      ...storages.map((data, index) => [`archive/data/${index}`, data] as const),
    ]),
  );
}

/** Pickle operations for a short text. */
export const text = (value: string) => `X${String.fromCharCode(value.length, 0, 0, 0)}${value}`;

/** Pickle operations for a whole number. */
export function whole(value: number): string {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(BigInt(value));
  return `\x8a\x08${bytes.toString('latin1')}`;
}

const tuple = (values: readonly number[]) => `(${values.map(whole).join('')}t`;

/** ... for a float tensor that is a view of storage `key`, with `count` stated numbers. */
export function tensor(
  view: { readonly shape: readonly number[]; readonly strides: readonly number[]; readonly offset?: number },
  count: number,
  key = '0',
  type = 'FloatStorage',
): string {
  const { shape, strides, offset = 0 } = view;
  const storage = `(${text('storage')}ctorch\n${type}\n${text(key)}${text('cpu')}${whole(count)}tQ`;
  return `ctorch._utils\n_rebuild_tensor_v2\n(${storage}${whole(offset)}${tuple(shape)}${tuple(strides)}\x89}tR`;
}

/** Pickle operations for a dict with one entry. */
export const dictOf = (name: string, value: string) => `}${text(name)}${value}s`;
