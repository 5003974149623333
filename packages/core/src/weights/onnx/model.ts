/**
 * Reads the weights of an ONNX file (onnx.proto, IR versions 3 to 10): the graph's nodes with their inputs and outputs, and
 * the stored tensors. The graph is not run.
 */
import { Cursor } from '../cursor';
import { contiguousTensor, type ExternalTensor, elementType, type ReadingBudget } from '../external-tensor';
import { isCount, type Refuse, shown } from '../refusal';
import { fields, varint } from './wire';

export interface OnnxNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Whole numbers among its attributes. */
  readonly integers: ReadonlyMap<string, number>;
}

export interface OnnxGraph {
  readonly nodes: readonly OnnxNode[];
  /** By the names that nodes use. */
  readonly tensors: ReadonlyMap<string, ExternalTensor>;
}

const mostNodes = 100_000;

// The types of onnx.proto's TensorProto.DataType that weights have.
const typeNames = new Map([
  [1, 'float32'],
  [2, 'uint8'],
  [3, 'int8'],
  [5, 'int16'],
  [6, 'int32'],
  [7, 'int64'],
  [9, 'bool'],
  [10, 'float16'],
  [11, 'float64'],
  [16, 'bfloat16'],
]);

/** @throws UserError when the bytes are not an ONNX model, or its weights are in other files */
export function readModel(bytes: Buffer, refuse: Refuse): OnnxGraph {
  const graphs = [...fields(new Cursor(bytes, refuse))].flatMap((field) =>
    field.number === 7 && field.bytes ? [field.bytes] : [],
  );
  const [graph] = graphs;
  if (!graph || graphs.length > 1) throw refuse(`a model has one graph, and it holds ${graphs.length}`);
  const budget: ReadingBudget = { left: bytes.length };
  const nodes: OnnxNode[] = [];
  const tensors = new Map<string, ExternalTensor>();
  for (const { number, bytes: part } of fields(new Cursor(graph, refuse))) {
    if (!part) continue;
    if (number === 1) {
      const { node, value } = readNode(part, budget, refuse);
      if (node.op === 'Constant' && value) for (const name of node.outputs) tensors.set(name, value);
      nodes.push(node);
    } else if (number === 5) {
      const { name, tensor } = readTensor(part, budget, refuse);
      tensors.set(name, tensor);
    }
    if (nodes.length + tensors.size > mostNodes) throw refuse(`it has more than ${mostNodes} nodes and tensors`);
  }
  return { nodes, tensors: withAliases(nodes, tensors) };
}

/** Adds the names that Identity nodes give to tensors: exporters write equal weights once. */
function withAliases(nodes: readonly OnnxNode[], tensors: Map<string, ExternalTensor>) {
  for (const { op, inputs, outputs } of nodes) {
    const tensor = tensors.get(inputs[0] ?? '');
    const [output] = outputs;
    if (op === 'Identity' && tensor && output !== undefined) tensors.set(output, tensor);
  }
  return tensors;
}

const text = (bytes: Buffer): string => bytes.toString('utf8');

function readNode(bytes: Buffer, budget: ReadingBudget, refuse: Refuse) {
  const inputs: string[] = [];
  const outputs: string[] = [];
  const integers = new Map<string, number>();
  let op = '';
  let value: ExternalTensor | undefined;
  for (const { number, bytes: part } of fields(new Cursor(bytes, refuse))) {
    if (!part) continue;
    if (number === 1) inputs.push(text(part));
    else if (number === 2) outputs.push(text(part));
    else if (number === 4) op = text(part);
    else if (number === 5) {
      const attribute = readAttribute(part, refuse);
      if (attribute.integer !== undefined) integers.set(attribute.name, attribute.integer);
      if (attribute.tensor) value = readTensor(attribute.tensor, budget, refuse).tensor;
    }
  }
  return { node: { op, inputs, outputs, integers }, value };
}

function readAttribute(bytes: Buffer, refuse: Refuse) {
  let name = '';
  let integer: number | undefined;
  let tensor: Buffer | undefined;
  for (const field of fields(new Cursor(bytes, refuse))) {
    if (field.number === 1 && field.bytes) name = text(field.bytes);
    if (field.number === 3) integer = field.integer;
    if (field.number === 5) tensor = field.bytes;
  }
  return { name, integer, tensor };
}

function readTensor(bytes: Buffer, budget: ReadingBudget, refuse: Refuse): { name: string; tensor: ExternalTensor } {
  const shape: number[] = [];
  let name = '';
  let kind = 0;
  // Numbers are in a field for their type or in raw_data, in little-endian order.
  let raw: Buffer | undefined;
  let packed: Buffer | undefined;
  let elsewhere = false;
  for (const { number, integer, bytes: part } of fields(new Cursor(bytes, refuse))) {
    if (number === 1) shape.push(...(part ? packedNumbers(part, refuse) : [integer ?? 0]));
    else if (number === 2) kind = integer ?? 0;
    else if (number === 4 || number === 10) packed = part;
    else if (number === 8 && part) name = text(part);
    else if (number === 9) raw = part;
    else if (number === 14) elsewhere = integer === 1;
    if (shape.length > 16) throw refuse(`the tensor ${shown(name)} has more than 16 axes`);
  }
  if (elsewhere)
    throw refuse(
      `its tensor ${shown(name)} is in another file; export the model as one file (torch.onnx.export(..., external_data=False))`,
    );
  const type = elementType(typeNames.get(kind) ?? `number ${kind} of ONNX`, refuse);
  const data = raw ?? (type.name === 'float32' || type.name === 'float64' ? packed : undefined);
  const size = shape.reduce((a, b) => a * b, 1);
  if (!shape.every(isCount) || !isCount(size)) throw refuse(`the tensor ${shown(name)} has no proper shape`);
  // Whole numbers in the field for their type are shapes and axes, which nobody reads here.
  const held = data ?? (type.name.startsWith('int') && size <= bytes.length ? Buffer.alloc(size * type.bytes) : raw);
  if ((held?.length ?? 0) !== size * type.bytes) {
    throw refuse(`the tensor ${shown(name)} [${shape}] has ${held?.length ?? 0} bytes and not ${size * type.bytes}`);
  }
  return { name, tensor: contiguousTensor(type, shape, held ?? Buffer.alloc(0), budget, refuse) };
}

function packedNumbers(bytes: Buffer, refuse: Refuse): number[] {
  const cursor = new Cursor(bytes, refuse);
  const numbers: number[] = [];
  while (cursor.at < bytes.length && numbers.length <= 16) numbers.push(varint(cursor));
  return numbers;
}
