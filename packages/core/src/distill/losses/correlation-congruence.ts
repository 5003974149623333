import { type Scalar, type Tensor2D, tf } from '../../runtime/tensorflow';
import { absolute } from './differences';

/**
 * Correlation congruence (Peng et al., arXiv 1904.01802; RepDistiller's CC.py): the mean over neighbours in the batch of
 * |d_i| . |d_i+1|, where d is the difference of the two networks' embeddings [batch, d], each behind its own learned
 * `linearEmbedding`. It depends on the batch's order. Published weight 0.02.
 * @throws Error for a batch of one, which has no neighbours
 */
export function correlationLoss(student: Tensor2D, teacher: Tensor2D): Scalar {
  const [batch, size] = student.shape;
  if (batch < 2) throw new Error('correlationLoss: a batch needs at least two images.');
  const distance = absolute(tf.sub(student, teacher));
  const from = (first: number) => tf.slice(distance, [first, 0], [batch - 1, size]);
  return tf.mean(tf.sum(tf.mul(from(0), from(1)), 1)).asScalar();
}
