import { meanOfAll } from '../../runtime/ops/sum-of-all';
import { type Scalar, type Tensor, type Tensor4D, tf } from '../../runtime/tensorflow';

/**
 * Variational information distillation (Ahn et al., arXiv 1904.05835; RepDistiller's VID.py): the mean negative
 * log-likelihood, less a constant, of the teacher's feature map [batch, h, w, c] under a normal distribution with the
 * regressor's `mean`, of the same shape, and for each channel the variance ln(1 + e^logScale) + epsilon, logScale [c].
 * Published weight of the sum over all stages: 1.
 */
export function variationalLoss(mean: Tensor4D, teacher: Tensor4D, logScale: Tensor, epsilon = 1e-5): Scalar {
  const variance = tf.add(tf.softplus(logScale), epsilon);
  const misfit = tf.div(tf.square(tf.sub(mean, teacher)), variance);
  return tf.mul(meanOfAll(tf.add(misfit, tf.log(variance))), 0.5).asScalar();
}
