import { attr, executeAll, hasKernel } from '../binding';
import type { Tensor } from '../tensorflow';

export const hasSgdKernel = (): boolean => hasKernel('HeadshareSgd');

export interface SgdKernelRule {
  /** Scalars. */
  readonly learningRate: Tensor;
  readonly scale: Tensor;
  readonly momentum: number;
  readonly weightDecay: number;
}

/**
 * For every variable g = scale gradient + decay w; m = momentum m + g; w - rate m, in one kernel of this package
 * (packages/core/native/sgd.cc). The three lists have one length, at least 1, and the same shapes.
 */
export function kernelSgd(
  weights: readonly Tensor[],
  momenta: readonly Tensor[],
  gradients: readonly Tensor[],
  { learningRate, scale, momentum, weightDecay }: SgdKernelRule,
): { weights: Tensor[]; slots: Tensor[] } {
  const count = weights.length;
  const updated = executeAll(
    'HeadshareSgd',
    [attr.int('n', count), attr.float('momentum', momentum), attr.float('decay', weightDecay)],
    [...weights, ...momenta, ...gradients, learningRate, scale],
    2 * count,
  );
  return { weights: updated.slice(0, count), slots: updated.slice(count) };
}
