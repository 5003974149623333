import { attr, executeAll } from '../binding';
import { type Scalar, type Tensor, type Tensor1D, type Tensor2D, tf } from '../tensorflow';

/** Mean cross-entropy of softmax(logits [batch, classes]) against integer labels [batch]. */
export function crossEntropy(logits: Tensor2D, labels: Tensor1D): Scalar {
  const run = tf.customGrad((...args) => {
    const [given, save] = args as unknown as [Tensor, (saved: Tensor[]) => void];
    const [loss, backprop] = executeAll(
      'SparseSoftmaxCrossEntropyWithLogits',
      [attr.type('T', 'float32'), attr.type('Tlabels', 'int32')],
      [given, labels],
      2,
    ) as [Tensor, Tensor];
    save([backprop]);
    return { value: loss, gradFunc: (dy: Tensor, [b]: Tensor[]) => tf.mul(b as Tensor, tf.expandDims(dy, 1)) };
  });
  return tf.mean(run(logits)).asScalar();
}

/**
 * Mean over the batch of -sum(targets log softmax(logits)), for rows of `targets` that sum to 1. The targets are
 * constants: no gradient reaches what made them.
 */
export function softCrossEntropy(logits: Tensor2D, targets: Tensor2D): Scalar {
  const run = tf.customGrad((...args) => {
    const [given, save] = args as unknown as [Tensor, (saved: Tensor[]) => void];
    const [loss, backprop] = executeAll(
      'SoftmaxCrossEntropyWithLogits',
      [attr.type('T', 'float32')],
      [given, targets],
      2,
    ) as [Tensor, Tensor];
    save([backprop]);
    return { value: loss, gradFunc: (dy: Tensor, [b]: Tensor[]) => tf.mul(b as Tensor, tf.expandDims(dy, 1)) };
  });
  return tf.mean(run(logits)).asScalar();
}

/**
 * KL(softmax(teacher / T) || softmax(student / T)) T^2, mean over the batch (Hinton et al., arXiv 1503.02531; the
 * reference's KD.py). Both [batch, classes]; no gradient reaches the teacher. Exactly 0 where both are equal.
 */
export function distillationDivergence(student: Tensor2D, teacher: Tensor2D, temperature: number): Scalar {
  const batch = student.shape[0];
  const run = tf.customGrad((...args) => {
    const [given, save] = args as unknown as [Tensor, (saved: Tensor[]) => void];
    const expected = tf.logSoftmax(tf.div(teacher, temperature));
    const actual = tf.logSoftmax(tf.div(given, temperature));
    const targets = tf.exp(expected);
    // From differences, not as cross-entropy less entropy: those nearly cancel once the student is close.
    const divergence = tf.sum(tf.mul(targets, tf.sub(expected, actual)));
    save([tf.mul(tf.sub(tf.exp(actual), targets), temperature / batch)]);
    return {
      value: tf.mul(divergence, temperature ** 2 / batch),
      gradFunc: (dy: Tensor, [slope]: Tensor[]) => tf.mul(slope as Tensor, dy),
    };
  });
  return run(student).asScalar();
}
