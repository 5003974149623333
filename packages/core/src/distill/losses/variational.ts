import { type Scalar, type Tensor, type Tensor4D, tf } from '../../runtime/tensorflow';

/**
 * Variational information distillation (Ahn et al., arXiv 1904.05835; RepDistiller's VID.py): the mean negative
 * log-likelihood, less a constant, of the teacher's map [batch, h, w, c] under a normal distribution with the regressor's
 * `mean` of that shape, and for each channel a variance ln(1 + e^logScale) + epsilon, logScale [c]. The maps' sizes are
 * matched beforehand (`matchSizes`), the regressor being behind that. Summed over the levels with the published weight 1.
 */
export function variationalLoss(mean: Tensor4D, teacher: Tensor4D, logScale: Tensor, epsilon = 1e-5): Scalar {
  const variance = tf.add(tf.softplus(logScale), epsilon);
  const misfit = tf.div(tf.square(tf.sub(mean, teacher)), variance);
  return tf.mul(tf.mean(tf.add(misfit, tf.log(variance))), 0.5).asScalar();
}
