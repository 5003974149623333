/** Makes ONNX files for tests. */
import { type Bytes, float, integer, message, text, varint } from '../src/runtime/compile/protobuf';
import type { NamedValues } from '../src/runtime/state';
import { toFloat16 } from '../src/system/float16';

/** A whole number, a float, or a list of whole numbers. */
export type HandMadeAttribute = number | { readonly float: number } | readonly number[] | string;

export interface HandMadeNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly output: string;
  readonly name?: string;
  readonly domain?: string;
  readonly attributes?: Readonly<Record<string, HandMadeAttribute>>;
}

export type TensorStorage =
  | 'float64'
  | 'double_data'
  | 'float_data'
  /** Of values that bfloat16 and float16 hold exactly. */
  | 'bfloat16'
  | 'float16'
  | 'float16 in int32_data'
  | { readonly location: string; readonly offset: number };

export interface HandMadeTensor extends NamedValues {
  /** int64 instead of float32. */
  readonly isInteger?: boolean;
  /** How its floats are stored; default: float32 in raw_data. */
  readonly storage?: TensorStorage;
}

export interface HandMadeModel {
  readonly nodes: readonly HandMadeNode[];
  readonly tensors: ReadonlyMap<string, HandMadeTensor>;
  /** Of the images `x`; undefined: any size. */
  readonly input: readonly (number | undefined)[];
  /** Default: the last node's. */
  readonly outputs?: readonly string[];
  /** Default: 17. */
  readonly opset?: number;
  /** Of inputs and outputs, as in TensorProto.DataType. Default: float32. */
  readonly type?: number;
}

/** A tensor as a TensorProto. */
export function tensorProto(name: string, { shape, values, isInteger = false, storage }: HandMadeTensor): Bytes[] {
  if (storage) return [...message(1, shape.map(varint)), ...text(8, name), ...stored(values, storage)];
  const held = isInteger ? BigInt64Array.from(values, (value) => BigInt(value)) : values;
  const raw = new Uint8Array(held.buffer, held.byteOffset, held.byteLength);
  return [...message(1, shape.map(varint)), ...integer(2, isInteger ? 7 : 1), ...text(8, name), ...message(9, [raw])];
}

/** The type and the data. */
function stored(values: Float32Array, storage: TensorStorage): Bytes[] {
  const raw = (made: ArrayBufferView) => new Uint8Array(made.buffer, made.byteOffset, made.byteLength);
  if (typeof storage === 'object') {
    const { location, offset } = storage;
    const entries = Object.entries({ location, offset: `${offset}`, length: `${values.byteLength}` });
    const listed = entries.flatMap(([key, value]) => message(13, [...text(1, key), ...text(2, value)]));
    return [...integer(2, 1), ...listed, ...integer(14, 1)];
  }
  switch (storage) {
    case 'float64':
      return [...integer(2, 11), ...message(9, [raw(Float64Array.from(values))])];
    case 'double_data':
      return [...integer(2, 11), ...message(10, [raw(Float64Array.from(values))])];
    case 'float_data':
      return [...integer(2, 1), ...message(4, [raw(values)])];
    case 'bfloat16':
      return [...integer(2, 16), ...message(9, [raw(Uint16Array.from(floatBits(values), (bits) => bits >>> 16))])];
    case 'float16':
      return [...integer(2, 10), ...message(9, [raw(Uint16Array.from(values, toFloat16))])];
    case 'float16 in int32_data':
      return [
        ...integer(2, 10),
        ...message(
          5,
          [...values].map((value) => varint(toFloat16(value))),
        ),
      ];
  }
}

const floatBits = (values: Float32Array) => new Uint32Array(Float32Array.from(values).buffer);

function attributeProto(name: string, value: HandMadeAttribute): Bytes[] {
  if (typeof value === 'number') return [...text(1, name), ...integer(3, value), ...integer(20, 2)];
  if (typeof value === 'string') return [...text(1, name), ...text(4, value), ...integer(20, 3)];
  if ('float' in value) return [...text(1, name), ...float(2, value.float), ...integer(20, 1)];
  return [...text(1, name), ...value.flatMap((one) => integer(8, one)), ...integer(20, 7)];
}

function valueProto(name: string, shape: readonly (number | undefined)[], type: number): Bytes[] {
  const dimensions = shape.flatMap((size, axis) =>
    message(1, size === undefined ? text(2, `any${axis}`) : integer(1, size)),
  );
  return [...text(1, name), ...message(2, message(1, [...integer(1, type), ...message(2, dimensions)]))];
}

export function onnxFile({ nodes, tensors, input, outputs, opset = 17, type = 1 }: HandMadeModel): Buffer {
  const given = outputs ?? [nodes.at(-1)?.output ?? 'x'];
  const graph = [
    ...nodes.flatMap(({ op, inputs, output, name = '', domain = '', attributes = {} }) =>
      message(1, [
        ...inputs.flatMap((one) => text(1, one)),
        ...text(2, output),
        ...text(3, name),
        ...text(4, op),
        ...Object.entries(attributes).flatMap(([key, value]) => message(5, attributeProto(key, value))),
        ...text(7, domain),
      ]),
    ),
    ...text(2, 'graph'),
    ...[...tensors].flatMap(([name, value]) => message(5, tensorProto(name, value))),
    ...message(11, valueProto('x', input, type)),
    ...given.flatMap((name) => message(12, [...text(1, name), ...message(2, message(1, integer(1, type)))])),
  ];
  const domains = new Set(['', ...nodes.map(({ domain = '' }) => domain)]);
  const opsets = [...domains].flatMap((domain) =>
    message(8, [...text(1, domain), ...integer(2, domain === '' ? opset : 1)]),
  );
  return Buffer.concat([...integer(1, 8), ...message(7, graph), ...opsets]);
}
