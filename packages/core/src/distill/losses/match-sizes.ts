import { adaptiveAveragePool2d } from '../../runtime/ops/pooling';
import type { Tensor4D } from '../../runtime/tensorflow';

/**
 * Two maps [batch, h, w, c], the larger averaged to the height of the other (adaptive_avg_pool2d): what RepDistiller
 * does wherever it compares maps of two networks. Maps are square there, and only their heights are compared.
 */
export function matchSizes(a: Tensor4D, b: Tensor4D): [Tensor4D, Tensor4D] {
  const [ours, theirs] = [a.shape[1], b.shape[1]];
  if (ours > theirs) return [adaptiveAveragePool2d(a, [theirs, theirs]), b];
  if (ours < theirs) return [a, adaptiveAveragePool2d(b, [ours, ours])];
  return [a, b];
}
