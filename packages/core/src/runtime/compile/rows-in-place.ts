/**
 * Where a step only gathers and writes rows of a variable (ops/rows.ts), its nodes become TensorFlow's operations on the
 * resource itself. Their cost does not grow with the table, because the variable is neither read nor written whole.
 */
import { type Attr, attr } from '../binding';
import type { GraphNode } from './graph-def';

export interface TableAccess {
  /** The recorded nodes, with the accesses to the table rewritten. */
  readonly nodes: readonly GraphNode[];
  /** The node that writes rows; undefined where the step writes none. */
  readonly write: GraphNode | undefined;
}

/** A variable's nodes in a graph. */
export interface TableNodes {
  readonly name: string;
  /** The node that reads its value, and the one that holds its resource. */
  readonly read: string;
  readonly handle: string;
  /** The reference to its new value; undefined where it does not change. */
  readonly update: string | undefined;
}

const isOf = (read: string) => (input: string) => input === read || input === `^${read}`;

/** Rewrites the variable's accesses; undefined where the step uses it in any other way, and must read it whole. */
export function rowsInPlace(
  nodes: readonly GraphNode[],
  outputs: ReadonlySet<string>,
  { name, read, handle, update }: TableNodes,
): TableAccess | undefined {
  const uses = nodes.filter(({ inputs }) => inputs.some(isOf(read)));
  const gathers = uses.filter((node) => node.op === 'GatherV2' && takesFirst(node, read));
  const writes = uses.filter((node) => node.op === 'TensorScatterUpdate' && takesFirst(node, read));
  const [write] = writes;
  const writesIt = write !== undefined && update === write.name;
  if (uses.length === 0 || outputs.has(read) || gathers.length + writes.length !== uses.length) return undefined;
  if (writes.length > 1 || (write === undefined) !== (update === undefined) || (write && !writesIt)) return undefined;
  // The write's output is the whole table, so no other node may read it.
  if (write && (outputs.has(write.name) || nodes.some(({ inputs }) => inputs.some(isOf(write.name))))) return undefined;
  if (gathers.some((node) => !firstAxis(nodes, node))) return undefined;

  const gathered = new Map(gathers.map((node) => [node.name, inPlaceGather(node, handle)]));
  return {
    nodes: nodes.filter((node) => node !== write).map((node) => gathered.get(node.name) ?? node),
    write: write && {
      name: `write/${name}`,
      op: 'ResourceScatterNdUpdate',
      // The write waits for the reads, so that the whole step sees the old rows.
      inputs: [handle, ...write.inputs.slice(1), ...gathers.map((node) => `^${node.name}`)],
      attrs: [attr.type('T', 'float32'), attr.type('Tindices', 'int32'), attr.bool('use_locking', true)],
    },
  };
}

const takesFirst = ({ inputs }: GraphNode, read: string): boolean =>
  inputs[0] === read && inputs.slice(1).every((input) => !isOf(read)(input));

/** Whether a GatherV2, whose axis is a tensor, gathers along the first axis; ResourceGather knows no other. */
function firstAxis(nodes: readonly GraphNode[], { inputs, attrs }: GraphNode): boolean {
  const axis = nodes.find((node) => node.name === inputs[2]);
  const value = axis?.attrs.find((one) => 'tensor' in one);
  const batch = attrs.find((one): one is Attr => one.name === 'batch_dims');
  return value !== undefined && 'tensor' in value && Number(value.tensor.values[0]) === 0 && (batch?.value ?? 0) === 0;
}

function inPlaceGather({ name, inputs }: GraphNode, handle: string): GraphNode {
  return {
    name,
    op: 'ResourceGather',
    inputs: [handle, inputs[1] as string, ...inputs.filter((input) => input.startsWith('^'))],
    attrs: [attr.type('dtype', 'float32'), attr.type('Tindices', 'int32'), attr.int('batch_dims', 0)],
  };
}
