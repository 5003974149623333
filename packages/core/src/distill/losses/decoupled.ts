import { sumOfAll } from '../../runtime/ops/sum-of-all';
import { type Scalar, type Tensor, type Tensor1D, type Tensor2D, tf } from '../../runtime/tensorflow';

export interface DecoupledTerms {
  /** TCKD: the divergence of the own class against all others. */
  readonly target: Scalar;
  /** NCKD: the divergence among the other classes. */
  readonly others: Scalar;
}

interface Logarithms {
  /** [batch]: of the probability of the own class, and of all others together. */
  readonly own: Tensor;
  readonly rest: Tensor;
  /** [batch, classes]: of the probabilities among the others; about -1000 for the own class. */
  readonly among: Tensor2D;
}

/** Computed from logits: the logarithm of a probability that underflows would be infinite. */
function logarithms(logits: Tensor2D, mask: Tensor2D): Logarithms {
  const without = tf.sub(logits, tf.mul(mask, 1000)) as Tensor2D;
  const all = tf.logSumExp(logits, 1);
  return {
    own: tf.sub(tf.sum(tf.mul(logits, mask), 1), all),
    rest: tf.sub(tf.logSumExp(without, 1), all),
    among: tf.logSoftmax(without),
  };
}

/** sum p (log p - log q), from the logarithms. */
const divergence = (p: Tensor, q: Tensor): Tensor => sumOfAll(tf.mul(tf.exp(p), tf.sub(p, q)));

/**
 * The two parts of the softened divergence between the teacher's and the student's logits [batch, classes], for labels
 * [batch] int32: mean over the batch, times temperature^2 (Zhao et al., arXiv 2203.08679; mdistiller's DKD.py).
 */
export function decoupledTerms(
  student: Tensor2D,
  teacher: Tensor2D,
  labels: Tensor1D,
  temperature = 4,
): DecoupledTerms {
  const [batch, classes] = student.shape;
  const mask = tf.oneHot(labels, classes, 1, 0, 'float32') as Tensor2D;
  const [ours, theirs] = [student, teacher].map((x) => logarithms(tf.div(x, temperature), mask)) as [
    Logarithms,
    Logarithms,
  ];
  const scaled = (sum: Tensor) => tf.mul(sum, temperature ** 2 / batch).asScalar();
  return {
    target: scaled(tf.add(divergence(theirs.own, ours.own), divergence(theirs.rest, ours.rest))),
    others: scaled(divergence(theirs.among, ours.among)),
  };
}
