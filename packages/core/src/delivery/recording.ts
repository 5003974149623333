import type { Attr } from '../runtime/binding';
import type { CallSite } from '../runtime/compile/call-site';
import type { ConstantValue, GraphNode, NodeAttr } from '../runtime/compile/graph-def';
import type { Shape } from './graph';

/** An operation of TensorFlow. */
export interface RecordedNode extends GraphNode {
  /** The line of the network's code behind it. */
  readonly site: CallSite | undefined;
}

export interface Recording {
  /** The operations that depend on the images and that a result depends on, in the order of computation. */
  readonly nodes: readonly RecordedNode[];
  /** The shapes of values, by reference (`node` or `node:output`). */
  readonly shapes: ReadonlyMap<string, Shape>;
  /** The values that are the same for all images, as far as `nodes` read them: weights, or computed from weights alone. */
  readonly constants: ReadonlyMap<string, ConstantValue>;
  /** The name of the images. */
  readonly input: string;
  /** References to the results, by name. */
  readonly outputs: ReadonlyMap<string, string>;
}

/** The value of a Const node. */
export function constantIn({ name, attrs }: Pick<GraphNode, 'name' | 'attrs'>): ConstantValue {
  const found = attrs.find((one) => 'tensor' in one);
  if (found && 'tensor' in found) return found.tensor;
  throw new Error(`${name} is no constant.`);
}

/** The value of an attribute; undefined where the node has none of that name. */
export function attribute({ attrs }: Pick<GraphNode, 'attrs'>, name: string): Attr['value'] {
  const found = attrs.find(
    (one): one is Exclude<NodeAttr, { tensor: unknown }> => one.name === name && !('tensor' in one),
  );
  return found?.value;
}

/** The node of a reference `node:output`; variables' names have no colon either. */
export const nodeOf = (reference: string): string => reference.replace(/:\d+$/, '');
