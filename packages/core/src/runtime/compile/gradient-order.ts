/**
 * In what order a thread runs a backward pass. Of two operations that get ready together, TensorFlow's executor runs one at
 * once and takes up the other when nothing else is left (ScheduleReady in tensorflow/core/common_runtime/executor.cc). So every
 * second filter gradient, and each sum over workers, would wait until the whole backward pass is done.
 */
import { attr } from '../binding';
import { closure, type GraphNode, nodeOf } from './graph-def';

/** The gradients that read a convolution's input, each with the positions of this input and of the gradient that arrives. */
export const filterGradients: Readonly<Record<string, { readonly x: number; readonly dy: number }>> = {
  Conv2DBackpropFilter: { x: 0, dy: 2 },
  HeadshareConvGradFilter: { x: 1, dy: 0 },
  HeadshareConv3x3GradFilter: { x: 1, dy: 0 },
  HeadshareDepthwiseGrad: { x: 1, dy: 0 },
  HeadshareDepthwiseNormalisedGrad: { x: 1, dy: 0 },
};

/** The gradients of a convolution's input, each with the position of the gradient that arrives. */
const inputGradients: Readonly<Record<string, number>> = {
  Conv2DBackpropInput: 2,
  HeadshareConv3x3GradInput: 0,
  HeadshareConvGradInput: 0,
};

/** The nodes, in which the gradient of a convolution's input waits for that of its filter, which then frees its input. */
export function filtersFirst(nodes: readonly GraphNode[]): readonly GraphNode[] {
  const byName = new Map(nodes.map((node) => [node.name, node]));
  const filters = new Map<string, GraphNode[]>();
  for (const node of nodes) {
    const dy = node.inputs[filterGradients[node.op]?.dy ?? Number.NaN];
    if (dy !== undefined) filters.set(dy, [...(filters.get(dy) ?? []), node]);
  }
  return nodes.map((node) => {
    const dy = node.inputs[inputGradients[node.op] ?? Number.NaN];
    // A transposed convolution is itself an "input gradient", which its filter's gradient may need.
    const first = (dy === undefined ? [] : (filters.get(dy) ?? [])).filter(
      (one) => !closure([one.name], byName).has(node.name),
    );
    return first.length > 0 ? { ...node, inputs: [...node.inputs, ...first.map(({ name }) => `^${name}`)] } : node;
  });
}

/**
 * The nodes, in which a sum over workers begins when the gradients that it adds are there, in the middle of the backward pass.
 * The next gradient of a convolution's input waits for what the sum sends, and then the sum is begun before that gradient.
 */
export function sumsEarly(nodes: readonly GraphNode[]): readonly GraphNode[] {
  const byName = new Map(nodes.map((node) => [node.name, node]));
  const places = new Map(nodes.map(({ name }, index) => [name, index]));
  const chain = nodes.flatMap(({ op }, index) => (op in inputGradients ? [index] : []));
  const end = chain.at(-1) ?? -1;
  const gates = new Map<string, GraphNode>();
  const gateBefore = new Map<string, string>();
  for (const { name, op, inputs } of nodes) {
    if (op !== 'CollectiveReduceV2') continue;
    const needed = closure([name], byName);
    const last = Math.max(-1, ...[...needed].map((one) => places.get(one) ?? -1).filter((index) => index <= end));
    const next = nodes[chain.find((index) => index > last) ?? -1];
    const isBehindSum = [...gateBefore.keys()].some((other) => needed.has(other));
    // Where the backward pass itself needs the sum, nothing can run meanwhile.
    if (!next || isBehindSum || closure([next.name], byName).has(name)) continue;
    const gate = gates.get(next.name) ?? gateOf(next);
    gates.set(next.name, { ...gate, inputs: [...gate.inputs, `^${nodeOf(inputs[0] as string)}`] });
    gateBefore.set(name, gate.name);
  }
  return nodes.flatMap((node) => {
    const gate = gates.get(node.name);
    const before = gateBefore.get(node.name);
    if (before) return { ...node, inputs: [...node.inputs, `^${before}`] };
    if (!gate) return node;
    const behind = node.inputs.map((input, i) => (i === inputGradients[node.op] ? gate.name : input));
    return [gate, { ...node, inputs: behind }];
  });
}

/**
 * Hands on the gradient that arrives at `node`. What waits for the gate's end, a sum, is begun before what reads its result,
 * the next gradient: the executor passes on results first, and runs at once what it reached last.
 */
function gateOf({ name, op, inputs }: GraphNode): GraphNode {
  const dy = inputs[inputGradients[op] ?? 0] as string;
  return { name: `${name}/gate`, op: 'Identity', inputs: [dy], attrs: [attr.type('T', 'float32')] };
}
