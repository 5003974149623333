import { fromFloat16 } from '../system/float16';

/** A type of number in files of weights. */
export interface ElementType {
  /** PyTorch's name, without `torch.`. */
  readonly name: string;
  readonly bytes: number;
  /** Reads the number at a byte; integers beyond 2^53 are rounded. */
  readonly read: (view: DataView, at: number) => number;
}

const bits = new DataView(new ArrayBuffer(4));

/** The upper half of a float32. */
function bfloat16(view: DataView, at: number): number {
  bits.setUint32(0, view.getUint16(at, true) * 65536);
  return bits.getFloat32(0);
}

// A table of all 65536 values: files contain tens of millions of them.
let halves: Float32Array | undefined;

function float16(view: DataView, at: number): number {
  halves ??= Float32Array.from({ length: 1 << 16 }, (_, value) => fromFloat16(value));
  return halves[view.getUint16(at, true)] as number;
}

const all: readonly ElementType[] = [
  { name: 'float16', bytes: 2, read: float16 },
  { name: 'bfloat16', bytes: 2, read: bfloat16 },
  { name: 'float32', bytes: 4, read: (view, at) => view.getFloat32(at, true) },
  { name: 'float64', bytes: 8, read: (view, at) => view.getFloat64(at, true) },
  { name: 'int8', bytes: 1, read: (view, at) => view.getInt8(at) },
  { name: 'uint8', bytes: 1, read: (view, at) => view.getUint8(at) },
  { name: 'int16', bytes: 2, read: (view, at) => view.getInt16(at, true) },
  { name: 'uint16', bytes: 2, read: (view, at) => view.getUint16(at, true) },
  { name: 'int32', bytes: 4, read: (view, at) => view.getInt32(at, true) },
  { name: 'uint32', bytes: 4, read: (view, at) => view.getUint32(at, true) },
  { name: 'int64', bytes: 8, read: (view, at) => Number(view.getBigInt64(at, true)) },
  { name: 'uint64', bytes: 8, read: (view, at) => Number(view.getBigUint64(at, true)) },
  { name: 'bool', bytes: 1, read: (view, at) => (view.getUint8(at) === 0 ? 0 : 1) },
  // PyTorch's quantised tensors, whose scales are elsewhere.
  { name: 'qint8', bytes: 1, read: (view, at) => view.getInt8(at) },
  { name: 'quint8', bytes: 1, read: (view, at) => view.getUint8(at) },
  { name: 'qint32', bytes: 4, read: (view, at) => view.getInt32(at, true) },
];

export const elementTypes: ReadonlyMap<string, ElementType> = new Map(all.map((type) => [type.name, type]));

/** Whether networks compute with such numbers; the others are counters, masks, or weights without their scales. */
export const isFloat = ({ name }: ElementType): boolean => /^b?float\d+$/.test(name);
