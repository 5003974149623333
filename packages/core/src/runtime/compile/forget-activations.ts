/**
 * Batch norm's output is kept for the gradient of the convolution behind it, and batch norm's input for its own. A graph keeps
 * the input alone: the output is computed again, with the same bits, when the gradient arrives, which costs one pass over
 * memory (in-place activated batch norm, Rota Bulò et al., arXiv 1712.02616, computes the input again from the output).
 */
import { filterGradients } from './gradient-order';
import { type GraphNode, nodeOf } from './graph-def';

interface Recorded {
  /** In the order of the recording: a forward pass, then its gradients, and again for each slice of a step. */
  readonly nodes: readonly GraphNode[];
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  /** References that the step returns or assigns; they stay as they are. */
  readonly outputs: ReadonlySet<string>;
}

/** The nodes, in which gradients read outputs of batch norm that are computed again. */
export function forgetActivations({ nodes, shapes, outputs }: Recorded): readonly GraphNode[] {
  const sources = nodes.map((node) => node.inputs.map(nodeOf));
  const again = new Map<GraphNode, GraphNode>();
  const changed = new Map<GraphNode, GraphNode>();
  for (const [index, node] of nodes.entries()) {
    if (node.op !== 'HeadshareBatchNorm' || outputs.has(node.name) || !isEmpty(shapes, node.inputs[6])) continue;
    const late = lateUsers(nodes, sources, index);
    const [first] = late;
    if (!first || !late.every((user) => takesAsInput(user, node.name))) continue;
    const computed = computedAgain(node, first);
    again.set(first, computed);
    for (const user of late) changed.set(user, readsInstead(user, node.name, computed.name));
  }
  return nodes.flatMap((node) => {
    const before = again.get(node);
    return before ? [before, changed.get(node) ?? node] : [changed.get(node) ?? node];
  });
}

/** The users of the node at `index` that need, directly or not, what other users computed from it. */
function lateUsers(
  nodes: readonly GraphNode[],
  sources: readonly (readonly string[])[],
  index: number,
): readonly GraphNode[] {
  const { name } = nodes[index] as GraphNode;
  const uses = (node: GraphNode): boolean => node.inputs.includes(name) || node.inputs.includes(`^${name}`);
  const computed = new Set<string>();
  return nodes.slice(index + 1, nodes.findLastIndex(uses) + 1).filter((node, offset) => {
    const waits = sources[index + 1 + offset]?.some((source) => computed.has(source)) ?? false;
    if (waits || uses(node)) computed.add(node.name);
    return waits && uses(node);
  });
}

const isEmpty = (shapes: Recorded['shapes'], reference = ''): boolean => `${shapes.get(reference)}` === '0';

const takesAsInput = ({ op, inputs }: GraphNode, reference: string): boolean =>
  inputs.indexOf(reference) === filterGradients[op]?.x && inputs.lastIndexOf(reference) === filterGradients[op]?.x;

const readsInstead = (node: GraphNode, reference: string, other: string): GraphNode => ({
  ...node,
  inputs: node.inputs.map((input) => (input === reference ? other : input)),
});

/** Batch norm's output from its input, once the gradient that `user` waits for is there. */
function computedAgain({ name, inputs, attrs }: GraphNode, user: GraphNode): GraphNode {
  const [x, gamma, beta, , , slope] = inputs as [string, string, string, string, string, string];
  const dy = user.inputs[filterGradients[user.op]?.dy ?? 0] as string;
  return {
    name: `${name}/again`,
    op: 'HeadshareBatchNormAgain',
    inputs: [x, gamma, beta, `${name}:1`, `${name}:2`, slope, `^${nodeOf(dy)}`],
    attrs: attrs.filter((attr) => attr.name === 'activation'),
  };
}
