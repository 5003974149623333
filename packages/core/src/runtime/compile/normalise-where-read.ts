/**
 * Batch norm before a depthwise convolution writes its output to memory, and the convolution and its gradient read it back:
 * more than either computes. In a graph both read batch norm's input instead, and normalise the rows that they need in the
 * cache, with the same bits. Of batch norm the statistics are left.
 */
import type { GraphNode } from './graph-def';

interface Recorded {
  readonly nodes: readonly GraphNode[];
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  /** References that the step returns or assigns; they stay as they are. */
  readonly outputs: ReadonlySet<string>;
}

/** The operations that can normalise the input at position `x`, and what they are called then. */
const readers: Readonly<Record<string, { readonly x: number; readonly normalised: string }>> = {
  HeadshareDepthwise: { x: 0, normalised: 'HeadshareDepthwiseNormalised' },
  HeadshareDepthwiseGrad: { x: 1, normalised: 'HeadshareDepthwiseNormalisedGrad' },
};

/** The nodes, in which depthwise convolutions normalise their input, and the shapes, without those of outputs that are gone. */
export function normaliseWhereRead({ nodes, shapes, outputs }: Recorded): Pick<Recorded, 'nodes' | 'shapes'> {
  const users = new Map<string, GraphNode[]>();
  for (const node of nodes) {
    for (const source of new Set(node.inputs)) users.set(source, [...(users.get(source) ?? []), node]);
  }
  const norms = new Map(
    nodes.flatMap((node): [string, GraphNode][] => {
      const isRead = users.get(node.name)?.every((user) => user.inputs[readers[user.op]?.x ?? -1] === node.name);
      const isAlone =
        !outputs.has(node.name) && !users.has(`^${node.name}`) && `${shapes.get(node.inputs[6] ?? '')}` === '0';
      return node.op === 'HeadshareBatchNorm' && isRead && isAlone ? [[node.name, node]] : [];
    }),
  );
  return {
    nodes: nodes.map((node) => {
      if (norms.has(node.name)) return statisticsOf(node);
      const norm = norms.get(node.inputs[readers[node.op]?.x ?? -1] ?? '');
      return norm ? normalising(node, norm) : node;
    }),
    shapes: new Map([...shapes].map(([name, shape]) => [name, norms.has(name) ? [0] : shape])),
  };
}

/** Has the outputs of batch norm at their places, the first of them empty. */
const statisticsOf = ({ name, inputs: [x, , , mean, variance], attrs }: GraphNode): GraphNode => ({
  name,
  op: 'HeadshareBatchNormStatistics',
  inputs: [x, mean, variance] as string[],
  attrs: attrs.filter((attr) => attr.name !== 'activation'),
});

function normalising(node: GraphNode, norm: GraphNode): GraphNode {
  const { x, normalised } = readers[node.op] as { readonly x: number; readonly normalised: string };
  const [input, gamma, beta, , , slope] = norm.inputs as [string, string, string, string, string, string];
  return {
    ...node,
    op: normalised,
    inputs: [...node.inputs.with(x, input), gamma, beta, `${norm.name}:1`, `${norm.name}:2`, slope],
    attrs: [...node.attrs, ...norm.attrs.filter((attr) => attr.name === 'activation')],
  };
}
