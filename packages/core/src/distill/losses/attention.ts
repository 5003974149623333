import { l2Normalise } from '../../runtime/ops/normalise';
import { type Scalar, type Tensor, type Tensor2D, type Tensor4D, tf } from '../../runtime/tensorflow';
import { matchSizes, meanSquaredDifference } from './differences';

/** x to a whole power, defined for negative x. */
export function power(x: Tensor, exponent: number): Tensor {
  if (exponent === 1) return x;
  return exponent === 2 ? tf.square(x) : tf.pow(x, exponent);
}

/** The mean over channels of x^exponent of a feature map [batch, h, w, c], as rows [batch, h w] of length 1. */
export function attentionMap(x: Tensor4D, exponent: number): Tensor2D {
  return l2Normalise(tf.reshape(tf.mean(power(x, exponent), 3), [x.shape[0], -1]));
}

/**
 * Attention transfer (Zagoruyko and Komodakis, arXiv 1612.03928; RepDistiller's AT.py): the mean squared difference of
 * the attention maps of two feature maps [batch, h, w, c]. Sizes and channels may differ. Published weight of the sum
 * over all stages: 1000.
 */
export function attentionLoss(student: Tensor4D, teacher: Tensor4D, exponent = 2): Scalar {
  const [ours, theirs] = matchSizes(student, teacher);
  return meanSquaredDifference(attentionMap(ours, exponent), attentionMap(theirs, exponent));
}
