import { crossEntropy } from '../runtime/ops/cross-entropy';
import { type Scalar, type Tensor, type Tensor1D, type Tensor2D, tf } from '../runtime/tensorflow';

export interface TargetOptions {
  /** The share of the target, [0, 1), that all classes have in equal parts (PyTorch's and timm's label smoothing). */
  readonly smoothing?: number | undefined;
  /**
   * Of a batch that is mixed with itself backwards: an image's share of its own label, a scalar. The rest is the label's
   * of the image as far from the other end. Undefined: nothing is mixed.
   */
  readonly labelShare?: Tensor | undefined;
}

/**
 * Cross-entropy against the labels int32 [batch] of a step, smoothed and mixed: share CE(own label) + (1 - share)
 * CE(partner's label), each against its smoothed one-hot vector. For logits that labels do not change, that is the
 * cross-entropy against timm's `mixup_target`; a margin head's are asked for twice, with the margin at the one label and
 * at the other.
 * @returns a function of what gives the logits [batch, classes] that are compared with given labels
 */
export function crossEntropyAgainst(
  labels: Tensor1D,
  { smoothing = 0, labelShare }: TargetOptions,
): (logitsFor: (labels: Tensor1D) => Tensor2D) => Scalar {
  const against = (logitsFor: (labels: Tensor1D) => Tensor2D, wanted: Tensor1D) =>
    crossEntropy(logitsFor(wanted), wanted, { smoothing });
  if (!labelShare) return (logitsFor) => against(logitsFor, labels);
  const partners = tf.reverse(labels, 0) as Tensor1D;
  const rest = tf.sub(1, labelShare);
  return (logitsFor) =>
    tf.add(tf.mul(against(logitsFor, labels), labelShare), tf.mul(against(logitsFor, partners), rest)).asScalar();
}
