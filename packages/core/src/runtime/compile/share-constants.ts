import { bytesOf } from '../../system/bytes-of';
import type { GraphNode } from './graph-def';

/** The most values of a constant that is shared: shapes and numbers, of which a step has hundreds. */
const mostValues = 8;

/** Of equal small constants, all but the first are left out, and its users read the first: each node costs time in every call. */
export function shareConstants(nodes: readonly GraphNode[]): readonly GraphNode[] {
  const awaited = new Set(nodes.flatMap(({ inputs }) => inputs.filter((input) => input.startsWith('^'))));
  const first = new Map<string, string>();
  const same = new Map<string, string>();
  for (const node of nodes) {
    const key = keyOf(node);
    if (key === undefined || awaited.has(`^${node.name}`)) continue;
    const known = first.get(key);
    if (known === undefined) first.set(key, node.name);
    else same.set(node.name, known);
  }
  return nodes
    .filter(({ name }) => !same.has(name))
    .map((node) => ({ ...node, inputs: node.inputs.map((input) => same.get(input) ?? input) }));
}

/** The same text for constants that can be one; undefined for other nodes. It holds the bytes, because 0 and -0 are not equal. */
function keyOf({ op, inputs, attrs }: GraphNode): string | undefined {
  if (op !== 'Const' || inputs.length > 0) return undefined;
  for (const one of attrs) {
    if (!('tensor' in one) || one.tensor.values.length > mostValues) continue;
    const { dtype, shape, values } = one.tensor;
    return `${dtype} [${shape}] ${Buffer.from(bytesOf(values)).toString('latin1')}`;
  }
  return undefined;
}
