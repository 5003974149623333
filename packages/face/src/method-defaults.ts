import type { MethodDefaults } from '@headshare/core/recipes/method-options';

/**
 * Weights for faces, which the paper does not give. Chosen on the embedded faces with seeds 100 and 101 (reported are 1
 * to 5). KD on the student's own head is left out: its logits are cosines to class centres that TH-KD does not need.
 */
export const methodDefaults: MethodDefaults = {
  l2e: { beta: 0.3 },
  'th-kd': { alpha: 0, beta: 3 },
  'l2e-th-kd': { alpha: 0, beta: 0.3, delta: 3 },
};
