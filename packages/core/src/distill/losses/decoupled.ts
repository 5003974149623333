import { type Scalar, type Tensor, type Tensor1D, type Tensor2D, tf } from '../../runtime/tensorflow';

export interface DecoupledTerms {
  /** TCKD: the divergence of own class against all others. */
  readonly target: Scalar;
  /** NCKD: the divergence among the other classes. */
  readonly others: Scalar;
}

interface Logarithms {
  /** [batch]: of the own class's probability, and of the others' together. */
  readonly own: Tensor;
  readonly rest: Tensor;
  /** [batch, classes]: of the probabilities among the others; that of the own class is some -1000. */
  readonly among: Tensor2D;
}

/** From logits, not from probabilities, whose logarithms are infinite once they underflow. */
function logarithms(logits: Tensor2D, mask: Tensor2D): Logarithms {
  const without = tf.sub(logits, tf.mul(mask, 1000)) as Tensor2D;
  const all = tf.logSumExp(logits, 1);
  return {
    own: tf.sub(tf.sum(tf.mul(logits, mask), 1), all),
    rest: tf.sub(tf.logSumExp(without, 1), all),
    among: tf.logSoftmax(without),
  };
}

/** sum p (log p - log q) of logarithms. */
const divergence = (p: Tensor, q: Tensor): Tensor => tf.sum(tf.mul(tf.exp(p), tf.sub(p, q)));

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

/**
 * DKD: alpha TCKD + beta NCKD. Published for CIFAR-100: alpha 1, beta 8, temperature 4 beside a cross-entropy of weight 1,
 * the whole of it rising to its weight over the first 20 epochs; other pairs of networks have other beta.
 */
export function decoupledLoss(
  student: Tensor2D,
  teacher: Tensor2D,
  labels: Tensor1D,
  {
    alpha = 1,
    beta = 8,
    temperature = 4,
  }: { readonly alpha?: number; readonly beta?: number; readonly temperature?: number } = {},
): Scalar {
  const { target, others } = decoupledTerms(student, teacher, labels, temperature);
  return tf.add(tf.mul(target, alpha), tf.mul(others, beta)).asScalar();
}
