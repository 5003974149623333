import type { Attr } from '../binding';
import type { GraphNode } from './graph-def';
import type { Recording } from './trace';

const product = (sizes: readonly number[]): number => sizes.reduce((a, b) => a * b, 1);

/** An operation's multiply-adds, by the shapes of its output and of its inputs. */
type Count = (output: readonly number[], inputs: readonly (readonly number[])[], node: GraphNode) => number;

// Filters are [kh, kw, in, out]; the output has been multiplied together from all but the last of these.
const convolution: Count = (output, [, filter = []]) => product(output) * product(filter.slice(0, 3));
// [kh, kw, channels, each]: an output sees one channel.
const depthwise: Count = (output, [, filter = []]) => product(output) * product(filter.slice(0, 2));

const isSet = ({ attrs }: GraphNode, ...names: string[]): boolean =>
  attrs.some((attr) => names.includes(attr.name) && (attr as Attr).value === true);

const matrices: Count = (output, [a = []], node) =>
  product(output) * (a.at(isSet(node, 'transpose_a', 'adj_x') ? -2 : -1) ?? 1);

const counts: Readonly<Record<string, Count>> = {
  Conv2D: convolution,
  HeadshareConv3x3: convolution,
  HeadshareConv3x3Fused: convolution,
  DepthwiseConv2dNative: depthwise,
  HeadshareDepthwise: depthwise,
  MatMul: matrices,
  BatchMatMul: matrices,
  BatchMatMulV2: matrices,
};

/**
 * The multiply-adds of what was recorded: those of convolutions and matrix products as mathematics has them, however they
 * are computed (Winograd's takes fewer). Element-wise operations, means and batch norms are not counted, as is usual.
 * @throws Error when there is a convolution or matrix product, a gradient's say, of which the number is not known
 */
export function multiplyAdds({ nodes, shapes }: Pick<Recording<unknown>, 'nodes' | 'shapes'>): number {
  return nodes.reduce((sum, node) => {
    const count = Object.hasOwn(counts, node.op) ? counts[node.op] : undefined;
    if (!count) {
      if (/Conv|MatMul|Einsum|Depthwise/.test(node.op)) {
        throw new Error(`The multiply-adds of ${node.op} are not known; multiply-adds.ts has those that are.`);
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
