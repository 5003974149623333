/** Checks that a step does the same at every call, by comparing two recordings. */
import type { CallSite } from './call-site';
import type { GraphNode, NodeAttr } from './graph-def';
import type { Recording } from './trace';

const advice =
  'A compiled step does the same at every call: random numbers, times, counters and settings that change must be its inputs, or part of its state.';

/**
 * Each recording's result maps a description (`the output loss`) to the node that it comes from.
 * @param second without its lines
 * @param linesAgain the lines of one more recording, for an error
 * @throws Error that names the first difference and its line
 */
export function requireSame(
  step: string,
  first: Recording<ReadonlyMap<string, string>>,
  second: Recording<ReadonlyMap<string, string>>,
  linesAgain: () => readonly CallSite[],
): void {
  for (let i = 0; i < Math.max(first.nodes.length, second.nodes.length); i++) {
    const problem = difference(
      at(first, i, () => first.sites),
      at(second, i, linesAgain),
    );
    if (problem) throw new Error(`${step} differs between two recordings: ${problem}. ${advice}`);
  }
  for (const result of new Set([...first.result.keys(), ...second.result.keys()])) {
    if (first.result.get(result) === second.result.get(result)) continue;
    throw new Error(`${step} differs between two recordings: ${result} is another tensor. ${advice}`);
  }
}

interface Located {
  readonly node: GraphNode;
  readonly line: () => string;
}

function at({ nodes }: Recording<unknown>, index: number, sites: () => readonly CallSite[]): Located | undefined {
  const node = nodes[index];
  return node && { node, line: () => `${sites()[index] ?? 'an unknown line'}` };
}

const named = ({ node, line }: Located): string =>
  `${node.op === 'Const' ? `a constant${shapeOf(node)}` : `the operation ${node.op}`} at ${line()}`;

function difference(one: Located | undefined, other: Located | undefined): string | undefined {
  if (!one) return other && `${named(other)} is new`;
  if (!other) return `${named(one)} is missing`;
  if (one.node.op !== other.node.op) return `${named(one)} has become ${named(other)}`;
  if (one.node.inputs.join() !== other.node.inputs.join()) return `${named(one)} has other inputs`;
  const differs = one.node.attrs.find((attr, i) => !sameAttr(attr, other.node.attrs[i]));
  if (!differs) return undefined;
  return 'tensor' in differs ? `${named(one)} has other values` : `${named(one)} has another ${differs.name}`;
}

function shapeOf({ attrs }: GraphNode): string {
  const value = attrs.find((attr) => 'tensor' in attr);
  return value && 'tensor' in value ? ` [${value.tensor.shape}]` : '';
}

function sameAttr(one: NodeAttr, other: NodeAttr | undefined): boolean {
  if (!other || one.name !== other.name) return false;
  if (!('tensor' in one) || !('tensor' in other)) return JSON.stringify(one) === JSON.stringify(other);
  const [a, b] = [one.tensor, other.tensor];
  return a.dtype === b.dtype && a.shape.join() === b.shape.join() && bytes(a.values).equals(bytes(b.values));
}

const bytes = ({ buffer, byteOffset, byteLength }: NodeJS.TypedArray): Buffer =>
  Buffer.from(buffer, byteOffset, byteLength);
