import { type Attr, attr, executeAll } from '../binding';
import { type Scalar, type Tensor, type Tensor1D, type Tensor2D, tf } from '../tensorflow';
import { withGradient } from '../with-gradient';

const type = attr.type('T', 'float32');

/** The mean over the batch of a TensorFlow operation that returns loss [batch] and gradient [batch, classes] together. */
function meanLoss(op: string, attrs: readonly Attr[], logits: Tensor2D, target: Tensor): Scalar {
  return withGradient(
    [logits],
    (given) => {
      const [loss, backprop] = executeAll(op, attrs, [given, target], 2) as [Tensor, Tensor];
      return { value: tf.mean(loss), saved: [backprop] };
    },
    (dy, backprop) => tf.mul(backprop, tf.mul(dy, 1 / logits.shape[0])),
  ).asScalar();
}

/**
 * Mean cross-entropy of softmax(logits [batch, classes]) against integer labels [batch], 0..classes - 1. `smoothing` is the
 * share of the target, 0..1, that is spread evenly over all classes (PyTorch's label_smoothing).
 */
export function crossEntropy(logits: Tensor2D, labels: Tensor1D, { smoothing = 0 } = {}): Scalar {
  if (!(smoothing >= 0 && smoothing <= 1)) {
    throw new Error(`The label smoothing must be between 0 and 1, got ${smoothing}.`);
  }
  const classes = logits.shape[1];
  // A single class has the whole target anyway, and tfjs cannot make a one-hot vector of it.
  if (smoothing > 0 && classes > 1) {
    const rest = smoothing / classes;
    return softCrossEntropy(logits, tf.oneHot(labels, classes, 1 - smoothing + rest, rest, 'float32') as Tensor2D);
  }
  return meanLoss('SparseSoftmaxCrossEntropyWithLogits', [type, attr.type('Tlabels', 'int32')], logits, labels);
}

/**
 * Mean over the batch of -sum(targets log softmax(logits)), for rows of `targets` [batch, classes] that sum to 1. The
 * targets are constants: no gradient reaches the tensors they were computed from.
 */
export function softCrossEntropy(logits: Tensor2D, targets: Tensor2D): Scalar {
  return meanLoss('SoftmaxCrossEntropyWithLogits', [type], logits, targets);
}

/**
 * KL(softmax(teacher / T) || softmax(student / T)) T^2, mean over the batch (Hinton et al., arXiv 1503.02531; the
 * reference's KD.py). Both are logits [batch, classes]; no gradient reaches the teacher. Exactly 0 where both are equal.
 */
export function distillationDivergence(student: Tensor2D, teacher: Tensor2D, temperature: number): Scalar {
  return withGradient(
    [student],
    (given) => {
      const expected = tf.logSoftmax(tf.div(teacher, temperature));
      const actual = tf.logSoftmax(tf.div(given, temperature));
      const targets = tf.exp(expected);
      // Computed from differences: cross-entropy minus entropy would nearly cancel once the student is close.
      const divergence = tf.mean(tf.sum(tf.mul(targets, tf.sub(expected, actual)), 1));
      return { value: tf.mul(divergence, temperature ** 2), saved: [tf.sub(tf.exp(actual), targets)] };
    },
    (dy, slope) => tf.mul(slope, tf.mul(dy, (1 / student.shape[0]) * temperature)),
  ).asScalar();
}

/**
 * Probabilities of logits [batch, classes], computed through their logarithms: in compiled steps alone TensorFlow replaces
 * its Softmax by another implementation, and their results would differ from eager ones in the last bits.
 */
export function softmax(logits: Tensor2D): Tensor2D {
  return tf.exp(tf.logSoftmax(logits)) as Tensor2D;
}
