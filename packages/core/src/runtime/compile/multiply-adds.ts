import type { Attr } from '../binding';
import type { GraphNode } from './graph-def';
import type { Recording } from './trace';

const product = (sizes: readonly number[]): number => sizes.reduce((a, b) => a * b, 1);

/** An operation's multiply-adds, given the shapes of its output and inputs. */
type Count = (output: readonly number[], inputs: readonly (readonly number[])[], node: GraphNode) => number;

// A filter is [kh, kw, in, out]: each output is a sum over all its axes but the last.
const convolution: Count = (output, [, filter = []]) => product(output) * product(filter.slice(0, 3));
// A filter is [kh, kw, channels, each]: each output reads one channel.
const depthwise: Count = (output, [, filter = []]) => product(output) * product(filter.slice(0, 2));

const isSet = ({ attrs }: GraphNode, ...names: string[]): boolean =>
  attrs.some((attr) => names.includes(attr.name) && (attr as Attr).value === true);

const matrices: Count = (output, [a = []], node) =>
  product(output) * (a.at(isSet(node, 'transpose_a', 'adj_x') ? -2 : -1) ?? 1);

const counts: Readonly<Record<string, Count>> = {
  Conv2D: convolution,
  HeadshareConv3x3: convolution,
  // Its filter is transformed, [16, in, out or more].
  HeadshareConv3x3Fused: (output, [, [, inputs = 1] = []]) => product(output) * 9 * inputs,
  HeadshareConv3x3Filter: () => 0,
  // Its filter is packed, [kh kw in, out or more].
  HeadshareConvFused: (output, [, [window = 0] = []]) => product(output) * window,
  HeadshareConvFilter: () => 0,
  DepthwiseConv2dNative: depthwise,
  HeadshareDepthwise: depthwise,
  HeadshareDepthwiseFused: depthwise,
  MatMul: matrices,
  BatchMatMul: matrices,
  BatchMatMulV2: matrices,
};

/**
 * The multiply-adds of a recording: of its convolutions and matrix products by their definitions, even where the algorithm
 * takes fewer (Winograd). As usual, element-wise operations, means and batch norms are not counted.
 * @throws Error for a convolution or matrix product that is not in the table, such as a gradient
 */
export function multiplyAdds({ nodes, shapes }: Pick<Recording<unknown>, 'nodes' | 'shapes'>): number {
  return nodes.reduce((sum, node) => {
    const count = Object.hasOwn(counts, node.op) ? counts[node.op] : undefined;
    if (!count) {
      if (/Conv|MatMul|Einsum|Depthwise/.test(node.op)) {
        throw new Error(`The multiply-adds of ${node.op} are unknown: add it to the table in multiply-adds.ts.`);
      }
      return sum;
    }
    return (
      sum +
      count(
        shapes.get(node.name) ?? [],
        node.inputs.map((input) => shapes.get(input) ?? []),
        node,
      )
    );
  }, 0);
}
