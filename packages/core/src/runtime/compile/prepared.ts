/**
 * Values of a step that depend on the state alone, such as filters with batch norm folded in: computed once, and kept until
 * the state changes, instead of at every call.
 */
import { type Attr, attr, DType } from '../binding';
import { closure, type GraphNode, nodeOf } from './graph-def';

export interface PreparedValue {
  readonly name: string;
  readonly shape: readonly number[];
}

/** A function without inputs that computes the values and assigns them to resources. */
export interface Preparation {
  readonly nodes: readonly GraphNode[];
  /** The node to fetch, which waits for all assignments. */
  readonly output: string;
  readonly values: readonly PreparedValue[];
}

export interface Divided {
  /** The step's nodes, which read the prepared values. */
  readonly nodes: readonly GraphNode[];
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
  /** The attributes of the resource that keeps a value. */
  readonly handleAttrs: (value: PreparedValue) => Attr[];
}

/** Constants and reads cost nothing. */
const free = new Set(['Const', 'VarHandleOp', 'ReadVariableOp']);

/** Moves what depends on the state alone out of a step. */
export function divide({ nodes, kept, floats, handleAttrs }: Undivided): Divided {
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
  if (references.length === 0) return { nodes, preparation: undefined };

  const values = references.map((reference, index) => {
    const value = { name: `prepared/${index}`, shape: floats.get(reference) as readonly number[] };
    const handle = { name: `handle/${value.name}`, op: 'VarHandleOp', inputs: [], attrs: handleAttrs(value) };
    return { reference, value, handle };
  });
  const type = [attr.type('dtype', 'float32')];
  const writes = values.map(({ reference, value, handle }) => ({
    name: `assign/${value.name}`,
    op: 'AssignVariableOp',
    inputs: [handle.name, reference],
    attrs: type,
  }));
  const none = { dtype: DType.float32, shape: [], values: Float32Array.of(0) };
  const reads = new Map(values.map(({ reference, value }) => [reference, `read/${value.name}`]));
  const after = staying.map((node) => ({ ...node, inputs: node.inputs.map((input) => reads.get(input) ?? input) }));
  const names = after.map((node) => node.name);
  const step = closure(names, new Map([...byName, ...after.map((node) => [node.name, node] as const)]));
  const before = closure(references, byName);
  return {
    nodes: [
      ...values.flatMap(({ value, handle }) => [
        handle,
        { name: `read/${value.name}`, op: 'ReadVariableOp', inputs: [handle.name], attrs: type },
      ]),
      ...nodes.filter(({ name }) => step.has(name) && !changing.has(name)),
      ...after,
    ],
    preparation: {
      values: values.map(({ value }) => value),
      output: 'prepared',
      nodes: [
        ...nodes.filter(({ name }) => before.has(name)),
        ...values.map(({ handle }) => handle),
        ...writes,
        {
          name: 'prepared',
          op: 'Const',
          inputs: writes.map(({ name }) => `^${name}`),
          attrs: [attr.type('dtype', 'float32'), { name: 'value', tensor: none }],
        },
      ],
    },
  };
}
