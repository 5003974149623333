import type { Terms } from '../src/distill/method';
import type { Scalar, Tensor } from '../src/runtime/tensorflow';
import type { Optimiser, SampledRows } from '../src/train/optimiser/optimiser';

/** Makes one update with the loss's gradients. @returns the loss, its terms and the watched values */
export function minimise(
  optimiser: Optimiser,
  learningRate: Tensor,
  terms: () => Terms,
  sampled?: readonly SampledRows[],
): Record<string, Scalar> {
  const gradients = optimiser.gradients(terms, sampled);
  return { ...gradients.values, ...optimiser.update(learningRate, gradients, sampled) };
}
