/**
 * Values of a step that depend on the state alone, such as filters with batch norm folded in: computed once, and kept until
 * the state changes, instead of at every call.
 */
import { attr } from '../binding';
import { closure, type GraphNode, nodeOf } from './graph-def';

/** A function without inputs that computes the values. */
export interface Preparation {
  readonly nodes: readonly GraphNode[];
  /** The nodes to fetch: the values, in the order of the step's further inputs. */
  readonly outputs: readonly string[];
}

export interface Divided {
  /** The step's nodes. */
  readonly nodes: readonly GraphNode[];
  /** Its nodes that take the prepared values. */
  readonly feeds: readonly string[];
  /** Undefined where nothing can be prepared. */
  readonly preparation: Preparation | undefined;
}

export interface Undivided {
  /** The graph of a step that writes no state; each node comes after its inputs. */
  readonly nodes: readonly GraphNode[];
  /** Its nodes for inputs and outputs, which stay in it. */
  readonly kept: readonly string[];
  /** The shapes of float32 tensors by reference: only those are prepared. */
  readonly floats: ReadonlyMap<string, readonly number[]>;
}

/** Constants and reads cost nothing. */
const free = new Set(['Const', 'VarHandleOp', 'ReadVariableOp']);

/** Moves what depends on the state alone out of a step. */
export function divide({ nodes, kept, floats }: Undivided): Divided {
  const byName = new Map(nodes.map((node) => [node.name, node]));
  const changing = new Set(kept);
  for (const node of nodes) {
    // An order that somebody asked for (a control input) is kept as it is.
    if (node.inputs.some((one) => one.startsWith('^') || changing.has(nodeOf(one)))) changing.add(node.name);
  }
  const isPrepared = (reference: string): boolean => {
    const node = byName.get(nodeOf(reference));
    return node !== undefined && !changing.has(node.name) && !free.has(node.op) && floats.has(reference);
  };
  const staying = nodes.filter(({ name }) => changing.has(name));
  const references = [...new Set(staying.flatMap((node) => node.inputs).filter(isPrepared))];
  if (references.length === 0) return { nodes, feeds: [], preparation: undefined };

  const values = references.map((reference, index) => {
    const type = attr.type('dtype', 'float32');
    const shape = attr.shape('shape', floats.get(reference) as readonly number[]);
    const feed = { name: `feed/prepared/${index}`, op: 'Placeholder', inputs: [], attrs: [type, shape] };
    const attrs = [attr.type('T', 'float32')];
    return { reference, feed, output: { name: `prepared/${index}`, op: 'Identity', inputs: [reference], attrs } };
  });
  const fed = new Map(values.map(({ reference, feed }) => [reference, feed.name]));
  const after = staying.map((node) => ({ ...node, inputs: node.inputs.map((input) => fed.get(input) ?? input) }));
  const names = after.map((node) => node.name);
  const step = closure(names, new Map([...byName, ...after.map((node) => [node.name, node] as const)]));
  const before = closure(references, byName);
  return {
    nodes: [
      ...values.map(({ feed }) => feed),
      ...nodes.filter(({ name }) => step.has(name) && !changing.has(name)),
      ...after,
    ],
    feeds: values.map(({ feed }) => feed.name),
    preparation: {
      nodes: [...nodes.filter(({ name }) => before.has(name)), ...values.map(({ output }) => output)],
      outputs: values.map(({ output }) => output.name),
    },
  };
}
