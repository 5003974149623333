/** Reads ONNX files (onnx.proto): the graph's nodes with their attributes, the stored tensors, inputs and outputs. */
import { Cursor } from '../cursor';
import type { ExternalTensor, ReadingBudget } from '../external-tensor';
import type { Refuse } from '../refusal';
import { readTensor, type TensorSource } from './tensor-proto';
import { fields, varints } from './wire';

export type Attribute = number | string | readonly number[] | ExternalTensor | 'graph';

export interface OnnxNode {
  readonly name: string;
  readonly op: string;
  /** '' for ONNX's own operators. */
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, Attribute>;
}

export interface OnnxInput {
  readonly name: string;
  /** onnx.proto's TensorProto.DataType. */
  readonly type: number;
  /** undefined: any size. */
  readonly shape: readonly (number | undefined)[];
}

export interface OnnxGraph {
  readonly nodes: readonly OnnxNode[];
  /** By the names that nodes use. */
  readonly tensors: ReadonlyMap<string, ExternalTensor>;
  /** Without those that stored tensors give. */
  readonly inputs: readonly OnnxInput[];
  readonly outputs: readonly string[];
  /** The version of ONNX's own operators. */
  readonly opset: number;
  /** Files of tensors beside the model, by the names that it uses. */
  readonly external: ReadonlyMap<string, Buffer>;
}

const mostNodes = 100_000;
/** More than the axes, pads and windows that attributes list. */
const longestList = 10_000;

/** @param file the model's path @throws UserError when the bytes are not an ONNX model */
export function readModel(file: string, bytes: Buffer, refuse: Refuse): OnnxGraph {
  const graphs: Buffer[] = [];
  let opset = 0;
  for (const { number, bytes: part } of fields(new Cursor(bytes, refuse))) {
    if (number === 7 && part) graphs.push(part);
    if (number === 8 && part) opset = opsetOf(part, refuse) ?? opset;
    if (number === 25) throw refuse('it defines functions of its own; export it with inlined functions');
  }
  const [graph] = graphs;
  if (!graph || graphs.length > 1) throw refuse(`a model has one graph, and it holds ${graphs.length}`);
  const budget: ReadingBudget = { left: bytes.length };
  const source: TensorSource = { file, budget, refuse, external: new Map() };
  const nodes: OnnxNode[] = [];
  const tensors = new Map<string, ExternalTensor>();
  const inputs: OnnxInput[] = [];
  const outputs: string[] = [];
  for (const { number, bytes: part } of fields(new Cursor(graph, refuse))) {
    if (!part) continue;
    if (number === 1) nodes.push(readNode(part, source));
    else if (number === 5) {
      const { name, tensor } = readTensor(part, source);
      tensors.set(name, tensor);
    } else if (number === 11) inputs.push(readInput(part, refuse));
    else if (number === 12) outputs.push(readInput(part, refuse).name);
    else if (number === 15) throw refuse('it stores a sparse tensor');
    if (nodes.length + tensors.size + inputs.length + outputs.length > mostNodes) {
      throw refuse(`it has more than ${mostNodes} nodes and tensors`);
    }
  }
  const free = inputs.filter(({ name }) => !tensors.has(name));
  return { nodes, tensors, inputs: free, outputs, opset, external: source.external };
}

const text = (bytes: Buffer): string => bytes.toString('utf8');

function opsetOf(bytes: Buffer, refuse: Refuse): number | undefined {
  let domain = '';
  let version = 0;
  for (const { number, integer, bytes: part } of fields(new Cursor(bytes, refuse))) {
    if (number === 1 && part) domain = text(part);
    if (number === 2) version = integer ?? 0;
  }
  return domain === '' || domain === 'ai.onnx' ? version : undefined;
}

function readNode(bytes: Buffer, source: TensorSource): OnnxNode {
  const inputs: string[] = [];
  const outputs: string[] = [];
  const attributes = new Map<string, Attribute>();
  let [name, op, domain] = ['', '', ''];
  for (const { number, bytes: part } of fields(new Cursor(bytes, source.refuse))) {
    if (!part) continue;
    if (number === 1) inputs.push(text(part));
    else if (number === 2) outputs.push(text(part));
    else if (number === 3) name = text(part);
    else if (number === 4) op = text(part);
    else if (number === 5) attributes.set(...readAttribute(part, source));
    else if (number === 7) domain = text(part);
  }
  return { name, op, domain: domain === 'ai.onnx' ? '' : domain, inputs, outputs, attributes };
}

// AttributeProto.AttributeType.
const kinds = { float: 1, int: 2, string: 3, tensor: 4, floats: 6, ints: 7 };

function readAttribute(bytes: Buffer, source: TensorSource): [string, Attribute] {
  const { refuse } = source;
  let [name, string] = ['', ''];
  let kind = 0;
  let single: number | undefined;
  let tensor: ExternalTensor | undefined;
  const list: number[] = [];
  for (const { number, integer, real, bytes: part } of fields(new Cursor(bytes, refuse))) {
    if (number === 1 && part) name = text(part);
    else if (number === 20) kind = integer ?? 0;
    else if (number === 2) single = real;
    else if (number === 3) single = integer;
    else if (number === 4 && part) string = text(part);
    else if (number === 5 && part) tensor = readTensor(part, source).tensor;
    else if (number === 7) list.push(...(part ? floats(part, refuse) : [real ?? 0]));
    else if (number === 8) list.push(...(part ? varints(new Cursor(part, refuse), longestList) : [integer ?? 0]));
    if (list.length > longestList) throw refuse(`it has an attribute of more than ${longestList} numbers`);
  }
  if (kind === kinds.float || kind === kinds.int) return [name, single ?? 0];
  if (kind === kinds.floats || kind === kinds.ints) return [name, list];
  if (kind === kinds.tensor && tensor) return [name, tensor];
  if (kind === kinds.string) return [name, string];
  // Files of the first version state no kind.
  return [name, kind === 0 ? (single ?? tensor ?? (list.length > 0 ? list : string)) : 'graph'];
}

function floats(bytes: Buffer, refuse: Refuse): number[] {
  if (bytes.length > 4 * longestList) throw refuse(`it has an attribute of more than ${longestList} numbers`);
  const cursor = new Cursor(bytes, refuse);
  return Array.from({ length: Math.floor(bytes.length / 4) }, () => cursor.take(4).readFloatLE(0));
}

/** A ValueInfoProto. */
function readInput(bytes: Buffer, refuse: Refuse): OnnxInput {
  let name = '';
  let type = 0;
  const shape: (number | undefined)[] = [];
  for (const { number, bytes: part } of fields(new Cursor(bytes, refuse))) {
    if (number === 1 && part) name = text(part);
    if (number !== 2 || !part) continue;
    for (const { number: kind, bytes: tensor } of fields(new Cursor(part, refuse))) {
      if (kind !== 1 || !tensor) continue;
      for (const { number: field, integer, bytes: sizes } of fields(new Cursor(tensor, refuse))) {
        if (field === 1) type = integer ?? 0;
        if (field === 2 && sizes) shape.push(...dimensions(sizes, refuse));
      }
    }
  }
  return { name, type, shape };
}

function dimensions(bytes: Buffer, refuse: Refuse): (number | undefined)[] {
  const sizes: (number | undefined)[] = [];
  for (const { number, bytes: part } of fields(new Cursor(bytes, refuse))) {
    if (number !== 1 || !part) continue;
    let size: number | undefined;
    for (const { number: kind, integer } of fields(new Cursor(part, refuse)))
      if (kind === 1 && integer !== 0) size = integer;
    sizes.push(size);
  }
  return sizes;
}
