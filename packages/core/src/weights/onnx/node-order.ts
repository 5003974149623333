import { type Refuse, shown } from '../refusal';
import type { OnnxGraph, OnnxNode } from './model';

/**
 * The nodes that a graph's outputs depend on, each after those that it reads. Files should have that order, but converters to
 * half precision append nodes at the end, and onnxruntime sorts them too.
 * @throws UserError for nodes in a circle, or two that give one value
 */
export function inOrder({ nodes, outputs }: OnnxGraph, refuse: Refuse): readonly OnnxNode[] {
  const makers = new Map<string, OnnxNode>();
  for (const node of nodes) {
    for (const output of node.outputs) {
      if (output === '') continue;
      if (makers.has(output)) throw refuse(`two of its nodes give ${shown(output)}`);
      makers.set(output, node);
    }
  }
  const ordered: OnnxNode[] = [];
  const state = new Map<OnnxNode, 'open' | 'done'>();
  const stack = outputs.flatMap((name) => makers.get(name) ?? []);
  for (let node = stack.at(-1); node; node = stack.at(-1)) {
    if (state.get(node) !== undefined) {
      stack.pop();
      if (state.get(node) === 'open') ordered.push(node);
      state.set(node, 'done');
      continue;
    }
    state.set(node, 'open');
    for (const input of node.inputs.toReversed()) {
      const maker = makers.get(input);
      if (maker && state.get(maker) === 'open')
        throw refuse(`its nodes read each other in a circle at ${shown(input)}`);
      if (maker && !state.has(maker)) stack.push(maker);
    }
  }
  return ordered;
}
