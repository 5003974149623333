import { meanOfAll } from '../../runtime/ops/sum-of-all';
import { type Scalar, type Tensor2D, tf } from '../../runtime/tensorflow';

/** [batch, batch]: the probability that an image picks another, from the cosine of their embeddings [batch, d]. */
function chances(x: Tensor2D, epsilon: number): Tensor2D {
  // Far below epsilon^2: only changes the length of a row of zeros, whose gradient is then finite.
  const length = tf.sqrt(tf.maximum(tf.sum(tf.square(x), 1, true), 1e-30));
  const rows = tf.div(x, tf.add(length, epsilon));
  const similarity = tf.div(tf.add(tf.matMul(rows, rows, false, true), 1), 2);
  return tf.div(similarity, tf.sum(similarity, 1, true));
}

/**
 * Probabilistic knowledge transfer (Passalis and Tefas, arXiv 1803.10837; RepDistiller's PKT.py): the divergence between
 * the probabilities that images pick one another, mean over all batch^2 entries. The embeddings [batch, d] may differ in
 * size. Published weight 30000.
 */
export function probabilisticLoss(student: Tensor2D, teacher: Tensor2D, epsilon = 1e-7): Scalar {
  const [ours, theirs] = [chances(student, epsilon), chances(teacher, epsilon)];
  const logs = tf.sub(tf.log(tf.add(theirs, epsilon)), tf.log(tf.add(ours, epsilon)));
  return meanOfAll(tf.mul(theirs, logs));
}
