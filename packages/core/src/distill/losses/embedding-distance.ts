import { l2Normalise } from '../../runtime/ops/normalise';
import { type Scalar, type Tensor2D, tf } from '../../runtime/tensorflow';

/**
 * Squared L2 distance between L2-normalised embeddings [batch, d], SUMMED over the batch: the reference's KDE
 * (helper/MSE.py), the paper's L2E. Each row adds 2 - 2 cos, so 0..4.
 */
export function embeddingDistance(student: Tensor2D, teacher: Tensor2D): Scalar {
  return tf.sum(tf.square(tf.sub(l2Normalise(student), l2Normalise(teacher)))).asScalar();
}
