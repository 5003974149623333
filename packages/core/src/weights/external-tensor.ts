import { type ElementType, elementTypes } from './element-types';
import { isCount, type Refuse, shown } from './refusal';

/** A tensor of a file, in PyTorch's layout; its numbers are read by `values`. */
export interface ExternalTensor {
  readonly type: ElementType;
  readonly shape: readonly number[];
  /** Row by row, rounded to float32. @throws UserError when a file's tensors ask for more bytes than it has */
  values(): Float32Array;
}

export type ExternalTensors = ReadonlyMap<string, ExternalTensor>;

export const isExternalTensor = (value: unknown): value is ExternalTensor => value instanceof StridedTensor;

/** The bytes that a file's tensors may still read: no more than the file has, even where tensors share bytes. */
export interface ReadingBudget {
  left: number;
}

/** Numbers that tensors are views of. */
export class Storage {
  /** The values that were read before, by view: tied weights are read once. */
  readonly known = new Map<string, Float32Array>();

  constructor(
    readonly type: ElementType,
    /** The count of numbers. */
    readonly elements: number,
    /** Their bytes; in PyTorch's old format they come after the tensors. */
    public data: ArrayBufferView | undefined,
    readonly budget: ReadingBudget,
  ) {}
}

export interface StridedView {
  readonly shape: readonly number[];
  /** The distance between neighbours along each axis, in numbers. */
  readonly strides: readonly number[];
  readonly offset: number;
}

// PyTorch's own limit.
const largestRank = 64;

/** A view of a storage, like PyTorch's tensors. @throws UserError when it reaches outside */
export function stridedTensor(storage: Storage, view: StridedView, refuse: Refuse): ExternalTensor {
  const { shape, strides, offset } = view;
  if (shape.length > largestRank || strides.length !== shape.length || ![...shape, ...strides, offset].every(isCount)) {
    throw refuse('one of its tensors has no proper shape');
  }
  const size = shape.includes(0) ? 0 : shape.reduce((a, b) => a * b, 1);
  const last = shape.reduce((sum, length, axis) => sum + (length - 1) * (strides[axis] ?? 0), offset);
  if (size > 0 && (size > storage.elements || last >= storage.elements)) {
    throw refuse(
      `a tensor of shape [${shape}] asks for more numbers than the ${storage.elements} that it is a view of`,
    );
  }
  // Copies, because a pickle's lists may grow later.
  return new StridedTensor(storage, { shape: [...shape], strides: [...strides], offset }, size, refuse);
}

/** A tensor that is stored row by row; `data` has the bytes of its numbers alone. */
export function contiguousTensor(
  type: ElementType,
  shape: readonly number[],
  data: ArrayBufferView,
  budget: ReadingBudget,
  refuse: Refuse,
): ExternalTensor {
  const storage = new Storage(type, data.byteLength / type.bytes, data, budget);
  return stridedTensor(storage, { shape, strides: contiguousStrides(shape), offset: 0 }, refuse);
}

class StridedTensor implements ExternalTensor {
  constructor(
    private readonly storage: Storage,
    private readonly view: StridedView,
    private readonly size: number,
    private readonly refuse: Refuse,
  ) {}

  get type(): ElementType {
    return this.storage.type;
  }

  get shape(): readonly number[] {
    return this.view.shape;
  }

  values(): Float32Array {
    const { known, budget, type } = this.storage;
    const key = `${this.view.offset}:${this.view.shape}:${this.view.strides}`;
    const before = known.get(key);
    if (before) return before;
    budget.left -= this.size * type.bytes;
    if (budget.left < 0) throw this.refuse('its tensors together ask for more bytes than it has');
    const values = this.size === 0 ? new Float32Array(0) : this.read();
    known.set(key, values);
    return values;
  }

  private read(): Float32Array {
    const { type, data = new Uint8Array(0) } = this.storage;
    const { shape, strides, offset } = this.view;
    const bytes = new DataView(data.buffer, data.byteOffset, data.byteLength);
    if (type.name === 'float32' && isContiguous(this.view)) {
      const from = data.byteOffset + offset * 4;
      // The file's own bytes, where they lie so that they can be read: a copy of a large network takes hundreds of megabytes.
      if (from % 4 === 0) return new Float32Array(data.buffer as ArrayBuffer, from, this.size);
      return new Float32Array(data.buffer.slice(from, from + this.size * 4));
    }
    const out = new Float32Array(this.size);
    let written = 0;
    const copy = (axis: number, from: number): void => {
      if (axis === shape.length) {
        out[written++] = type.read(bytes, from * type.bytes);
        return;
      }
      const step = strides[axis] ?? 0;
      for (let i = 0; i < (shape[axis] ?? 0); i++) copy(axis + 1, from + i * step);
    };
    copy(0, offset);
    return out;
  }
}

/** The strides of a tensor that is stored row by row. */
export function contiguousStrides(shape: readonly number[]): number[] {
  return shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1));
}

function isContiguous({ shape, strides }: StridedView): boolean {
  const expected = contiguousStrides(shape);
  return shape.every((length, axis) => length === 1 || strides[axis] === expected[axis]);
}

/** @throws UserError naming an unknown type */
export function elementType(name: string, refuse: Refuse): ElementType {
  const type = elementTypes.get(name);
  if (!type)
    throw refuse(
      `it holds numbers of type ${shown(name)}; known are ${[...elementTypes.keys()].filter((one) => !one.startsWith('q')).join(', ')}`,
    );
  return type;
}
