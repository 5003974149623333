/**
 * Writes TensorFlow's GraphDef (tensorflow/core/framework/{graph,node_def,attr_value,tensor}.proto) in protobuf's wire
 * format, as far as a recorded step needs it.
 */
import { bytesOf } from '../../system/bytes-of';
import { type Attr, AttrKind, attr, dtypeName, type Values } from '../binding';
import { type Bytes, float, integer, message, text, varint } from './protobuf';

const shapeProto = (shape: readonly number[]): Bytes[] => shape.flatMap((size) => message(2, integer(1, size)));

/** An operation's attribute, or the tensor of a constant. */
export type NodeAttr = Attr | { readonly name: string; readonly tensor: ConstantValue };

export interface ConstantValue {
  readonly dtype: number;
  readonly shape: readonly number[];
  readonly values: Values;
}

function tensorProto({ dtype, shape, values }: ConstantValue): Bytes[] {
  const content = bytesOf(values);
  return [...integer(1, dtype), ...message(2, shapeProto(shape)), ...message(4, [content])];
}

function attrValue(given: NodeAttr): Bytes[] {
  if ('tensor' in given) return message(8, tensorProto(given.tensor));
  const { type, value } = given;
  if (type === AttrKind.string && typeof value === 'string') return text(2, value);
  if (type === AttrKind.int && Array.isArray(value)) {
    return message(1, message(3, value.map(varint)));
  }
  if (type === AttrKind.int && typeof value === 'number') return integer(3, value);
  if (type === AttrKind.float && typeof value === 'number') return float(4, value);
  if (type === AttrKind.bool && typeof value === 'boolean') return integer(5, value ? 1 : 0);
  if (type === AttrKind.type && typeof value === 'number') return integer(6, value);
  if (type === AttrKind.shape && Array.isArray(value)) return message(7, shapeProto(value));
  throw new Error(`Attribute ${given.name}: no encoding for kind ${type} with value ${JSON.stringify(value)}.`);
}

export interface GraphNode {
  readonly name: string;
  readonly op: string;
  /** `node`, `node:output`, or `^node` for a control edge. */
  readonly inputs: readonly string[];
  readonly attrs: readonly NodeAttr[];
}

// Type attributes that tfjs-node omits because eager execution infers them, each with the input that determines it.
const omitted: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  ExpandDims: { T: 0, Tdim: 1 },
  Squeeze: { T: 0 },
};

/** The attributes of an operation, with those that a graph needs and eager execution does not. */
export function graphAttrs(op: string, attrs: readonly Attr[], inputs: readonly { readonly dtype: number }[]): Attr[] {
  const missing = Object.entries(omitted[op] ?? {}).filter(([name]) => !attrs.some((given) => given.name === name));
  return [
    ...attrs,
    ...missing.flatMap(([name, index]) => {
      const dtype = dtypeName.get(inputs[index]?.dtype ?? -1);
      return dtype ? [attr.type(name, dtype)] : [];
    }),
  ];
}

/** The name of the node that a reference leads to: `node`, `node:output` or `^node`. */
export const nodeOf = (reference: string): string => reference.replace(/^\^/, '').split(':')[0] as string;

/** The names of the nodes that these references need, directly or not, and of those that they lead to. */
export function closure(references: readonly string[], byName: ReadonlyMap<string, GraphNode>): ReadonlySet<string> {
  const found = new Set<string>();
  const waiting = references.map(nodeOf);
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    const node = byName.get(name);
    if (!node || found.has(name)) continue;
    found.add(name);
    waiting.push(...node.inputs.map(nodeOf));
  }
  return found;
}

function nodeDef({ name, op, inputs, attrs }: GraphNode): Bytes[] {
  return [
    ...text(1, name),
    ...text(2, op),
    ...inputs.flatMap((input) => text(3, input)),
    ...attrs.flatMap((one) => message(5, [...text(1, one.name), ...message(2, attrValue(one))])),
  ];
}

// TensorFlow 2.x reads graphs of any producer version up to its own. 1882 is the version of 2.17, which has every operation used here.
const versions = message(4, [...integer(1, 1882), ...integer(2, 12)]);

/** The parts of the GraphDef of `nodes`. */
export const graphParts = (nodes: readonly GraphNode[]): Bytes[] => [
  ...nodes.flatMap((node) => message(1, nodeDef(node))),
  ...versions,
];

/** The GraphDef of `nodes`, serialised. */
export const encodeGraph = (nodes: readonly GraphNode[]): Uint8Array => Buffer.concat(graphParts(nodes));
