/** Writes onnx.proto's messages (github.com/onnx/onnx, onnx/onnx.proto), as far as a network in use needs them. */
import { type Bytes, float, integer, message, text } from '../../runtime/compile/protobuf';

/** TensorProto.DataType */
const elementTypes = { float32: 1, uint8: 2, int8: 3, int32: 6, int64: 7, float16: 10 } as const;
export type ElementType = keyof typeof elementTypes;

export interface TensorValue {
  readonly type: ElementType;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

export type AttributeValue = number | string | readonly number[] | { readonly float: number };

export interface OnnxNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
}

export interface OnnxValue {
  readonly name: string;
  readonly type: ElementType;
  /** A text names a size that the caller chooses. */
  readonly shape: readonly (number | string)[];
}

export interface OnnxModel {
  readonly nodes: readonly OnnxNode[];
  readonly tensors: ReadonlyMap<string, TensorValue>;
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  readonly metadata: Readonly<Record<string, string>>;
}

/** The opset of ONNX 1.12 (2022), and the version of the format that came with it: runtimes of three years read both. */
const opset = 17;
const irVersion = 8;

/** The largest protobuf message; larger models keep their tensors in a second file. */
const largestMessage = 2 ** 31 - 1;

/** Tensors of fewer bytes stay in the model: shapes and axes must be known when it is loaded. */
const smallTensor = 1024;

/** The bytes of a model's file, and of the file of its tensors where it has one. */
export interface EncodedModel {
  readonly model: readonly Bytes[];
  readonly tensors: readonly Bytes[];
}

/**
 * Encodes a model; a large one keeps its tensors outside.
 * @param tensorsFile the name of the file for them, relative to the model's
 */
export function encodeModel(
  { nodes, tensors, inputs, outputs, metadata }: OnnxModel,
  tensorsFile: string,
  largest = largestMessage,
): EncodedModel {
  const total = [...tensors.values()].reduce((sum, { bytes }) => sum + bytes.byteLength, 0);
  const outside: Bytes[] = [];
  // A tenth for names and nodes, which take far less.
  const isLarge = total > 0.9 * largest;
  let offset = 0;
  const placed = (value: TensorValue): Bytes[] => {
    const length = value.bytes.byteLength;
    if (!isLarge || length < smallTensor) return message(9, [value.bytes]);
    const place = { location: tensorsFile, offset: String(offset), length: String(length) };
    // Readers map pages of 4096 bytes.
    const padding = (4096 - (length % 4096)) % 4096;
    outside.push(value.bytes, new Uint8Array(padding));
    offset += length + padding;
    return [...Object.entries(place).flatMap(([key, one]) => message(13, entry(key, one))), ...integer(14, 1)];
  };
  const graph = [
    ...nodes.flatMap((one, i) => message(1, nodeProto(one, i))),
    ...text(2, 'network'),
    ...[...tensors].flatMap(([name, value]) => message(5, [...tensorHead(name, value), ...placed(value)])),
    ...inputs.flatMap((input) => message(11, valueInfo(input))),
    ...outputs.flatMap((output) => message(12, valueInfo(output))),
  ];
  const model = [
    ...integer(1, irVersion),
    ...text(2, 'headshare'),
    ...message(7, graph),
    ...message(8, [...text(1, ''), ...integer(2, opset)]),
    ...Object.entries(metadata).flatMap(([key, value]) => message(14, entry(key, value))),
  ];
  return { model, tensors: outside };
}

const entry = (key: string, value: string): Bytes[] => [...text(1, key), ...text(2, value)];

function attributeProto(name: string, value: AttributeValue): Bytes[] {
  const title = text(1, name);
  if (typeof value === 'number') return [...title, ...integer(3, value), ...integer(20, 2)];
  if (typeof value === 'string') return [...title, ...text(4, value), ...integer(20, 3)];
  if ('float' in value) return [...title, ...float(2, value.float), ...integer(20, 1)];
  return [...title, ...value.flatMap((one) => integer(8, one)), ...integer(20, 7)];
}

/** Nodes are called `Conv_12`: insightface recognises a normalisation by such names (see write.ts). */
function nodeProto({ op, inputs, outputs, attributes = {} }: OnnxNode, index: number): Bytes[] {
  return [
    ...inputs.flatMap((input) => text(1, input)),
    ...outputs.flatMap((output) => text(2, output)),
    ...text(3, `${op}_${index}`),
    ...text(4, op),
    ...Object.entries(attributes).flatMap(([name, value]) => message(5, attributeProto(name, value))),
  ];
}

const tensorHead = (name: string, { type, shape }: TensorValue): Bytes[] => [
  ...shape.flatMap((size) => integer(1, size)),
  ...integer(2, elementTypes[type]),
  ...text(8, name),
];

function valueInfo({ name, type, shape }: OnnxValue): Bytes[] {
  const sizes = shape.flatMap((size) => message(1, typeof size === 'number' ? integer(1, size) : text(2, size)));
  const tensor = [...integer(1, elementTypes[type]), ...message(2, sizes)];
  return [...text(1, name), ...message(2, message(1, tensor))];
}
