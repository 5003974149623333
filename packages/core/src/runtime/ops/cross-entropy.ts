import { type Attr, attr, execute, executeAll } from '../binding';
import { type Scalar, type Tensor, type Tensor1D, type Tensor2D, tf } from '../tensorflow';

const type = attr.type('T', 'float32');

export interface CrossEntropyOptions {
  /** The share of the target, 0..1, that all classes have in equal parts (PyTorch's label_smoothing). */
  readonly smoothing?: number;
  /**
   * How much each row [batch] counts: the mean is over their sum. Rows of weight 0 have no part in loss and gradient,
   * as those that fill up a last batch; where all are 0, so is the loss. All count the same where left out.
   */
  readonly weights?: Tensor1D;
}

/** What each row counts in the mean over the batch: one number for all of them, or [batch]. */
function shares(batch: number, weights?: Tensor1D): number | Tensor {
  if (!weights) return 1 / batch;
  if (weights.size !== batch) throw new Error(`A batch of ${batch} needs as many weights, got ${weights.size}.`);
  return execute('DivNoNan', [type], [weights, tf.sum(weights)]);
}

/** The mean over rows [batch] of values. */
const meanOf = (rows: Tensor, share: number | Tensor): Tensor =>
  typeof share === 'number' ? tf.mean(rows) : tf.sum(tf.mul(rows, share));

/** A scalar dy times each row's share, such that it multiplies [batch, classes]. */
const spread = (dy: Tensor, share: number | Tensor, factor = 1): Tensor =>
  typeof share === 'number' ? tf.mul(dy, share * factor) : tf.mul(tf.expandDims(share, 1), tf.mul(dy, factor));

/** The mean of an operation of TensorFlow's that makes loss [batch] and gradient [batch, classes] at once. */
function fused(op: string, attrs: readonly Attr[], logits: Tensor2D, target: Tensor, weights?: Tensor1D): Scalar {
  const run = tf.customGrad((...args) => {
    const [given, save] = args as unknown as [Tensor, (saved: Tensor[]) => void];
    const [loss, backprop] = executeAll(op, attrs, [given, target], 2) as [Tensor, Tensor];
    const share = shares(logits.shape[0], weights);
    save(typeof share === 'number' ? [backprop] : [backprop, share]);
    return {
      value: meanOf(loss, share),
      gradFunc: (dy: Tensor, saved: Tensor[]) => {
        const [b, own] = saved as [Tensor, Tensor?];
        return tf.mul(b, spread(dy, own ?? 1 / logits.shape[0]));
      },
    };
  });
  return run(logits).asScalar();
}

function checkSmoothing(smoothing: number): void {
  if (smoothing >= 0 && smoothing <= 1) return;
  throw new Error(`The label smoothing must be between 0 and 1, got ${smoothing}.`);
}

/** Mean cross-entropy of softmax(logits [batch, classes]) against integer labels [batch], 0..classes - 1. */
export function crossEntropy(
  logits: Tensor2D,
  labels: Tensor1D,
  { smoothing = 0, weights }: CrossEntropyOptions = {},
): Scalar {
  checkSmoothing(smoothing);
  const classes = logits.shape[1];
  // A single class has all of the target anyway, and tfjs makes no one-hot vector of it.
  if (smoothing > 0 && classes > 1) {
    const rest = smoothing / classes;
    const targets = tf.oneHot(labels, classes, 1 - smoothing + rest, rest, 'float32') as Tensor2D;
    return softCrossEntropy(logits, targets, { weights });
  }
  return fused('SparseSoftmaxCrossEntropyWithLogits', [type, attr.type('Tlabels', 'int32')], logits, labels, weights);
}

/**
 * Mean over the batch of -sum(targets log softmax(logits)), for rows of `targets` [batch, classes] that sum to 1. The
 * targets are constants: no gradient reaches what made them.
 */
export function softCrossEntropy(
  logits: Tensor2D,
  targets: Tensor2D,
  { smoothing = 0, weights }: CrossEntropyOptions = {},
): Scalar {
  checkSmoothing(smoothing);
  const smooth = smoothing === 0 ? targets : tf.add(tf.mul(targets, 1 - smoothing), smoothing / targets.shape[1]);
  return fused('SoftmaxCrossEntropyWithLogits', [type], logits, smooth, weights);
}

/**
 * KL(softmax(teacher / T) || softmax(student / T)) T^2, mean over the batch (Hinton et al., arXiv 1503.02531; the
 * reference's KD.py), or by `weights` [batch] as in cross-entropy. Both [batch, classes]; no gradient reaches
 * the teacher. Exactly 0 where both are equal.
 */
export function distillationDivergence(
  student: Tensor2D,
  teacher: Tensor2D,
  temperature: number,
  weights?: Tensor1D,
): Scalar {
  const batch = student.shape[0];
  const run = tf.customGrad((...args) => {
    const [given, save] = args as unknown as [Tensor, (saved: Tensor[]) => void];
    const expected = tf.logSoftmax(tf.div(teacher, temperature));
    const actual = tf.logSoftmax(tf.div(given, temperature));
    const targets = tf.exp(expected);
    const share = shares(batch, weights);
    // From differences, not as cross-entropy less entropy: those nearly cancel once the student is close.
    const divergence = meanOf(tf.sum(tf.mul(targets, tf.sub(expected, actual)), 1), share);
    save([tf.sub(tf.exp(actual), targets), ...(typeof share === 'number' ? [] : [share])]);
    return {
      value: tf.mul(divergence, temperature ** 2),
      gradFunc: (dy: Tensor, saved: Tensor[]) => {
        const [slope, own] = saved as [Tensor, Tensor?];
        return tf.mul(slope, spread(dy, own ?? 1 / batch, temperature));
      },
    };
  });
  return run(student).asScalar();
}

/**
 * Probabilities of logits [batch, classes]. By way of their logarithms: TensorFlow swaps its Softmax for another
 * implementation in compiled steps alone, so that they would differ in the last bits from steps run operation by operation.
 */
export function softmax(logits: Tensor2D): Tensor2D {
  return tf.exp(tf.logSoftmax(logits)) as Tensor2D;
}
