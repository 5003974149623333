import { l2Normalise } from '../../runtime/ops/normalise';
import { meanOfAll, sumOfAll } from '../../runtime/ops/sum-of-all';
import { type Scalar, type Tensor, type Tensor2D, tf } from '../../runtime/tensorflow';
import { absolute } from './differences';

/** Mean of 0.5 d^2 where |d| < 1, |d| - 0.5 elsewhere (PyTorch's smooth_l1_loss). */
function smoothDifference(a: Tensor, b: Tensor): Scalar {
  const distance = absolute(tf.sub(a, b));
  const within = tf.minimum(distance, 1);
  return meanOfAll(tf.mul(within, tf.sub(distance, tf.mul(within, 0.5))));
}

/** The differences between all pairs of rows of x [batch, d]: [batch, batch, d]. */
const differences = (x: Tensor): Tensor => tf.sub(tf.expandDims(x, 0), tf.expandDims(x, 1));

/** Distances between rows divided by their mean over different rows, [batch, batch]; at least 1e-6 before division. */
function relativeDistances(pairs: Tensor): Tensor {
  const batch = pairs.shape[0] as number;
  const others = tf.sub(1, tf.eye(batch));
  const squares = tf.sum(tf.square(pairs), 2);
  const distances = tf.mul(tf.sqrt(tf.maximum(squares, 1e-12)), others);
  return tf.div(distances, tf.div(sumOfAll(distances), batch * (batch - 1)));
}

/** The cosines of the angles between every two other rows, seen from each row: [batch, batch, batch]. */
function angles(pairs: Tensor): Tensor {
  const [batch, , size] = pairs.shape as [number, number, number];
  const directions = tf.reshape(l2Normalise(tf.reshape(pairs, [batch * batch, size]) as Tensor2D), [
    batch,
    batch,
    size,
  ]);
  return tf.matMul(directions, directions, false, true);
}

export interface RelationalTerms {
  readonly distance: Scalar;
  readonly angle: Scalar;
}

/**
 * Relational distillation (Park et al., arXiv 1904.05068; RepDistiller's RKD.py): smooth L1 differences of the embeddings'
 * pairwise distances, relative to their mean, and of the angles between them. Takes embeddings [batch, d], or feature maps,
 * which it flattens; sizes may differ; the batch has at least two rows. Needs batch^2 d numbers of memory. Published
 * weights: 25 distance + 50 angle.
 */
export function relationalTerms(student: Tensor, teacher: Tensor): RelationalTerms {
  const [ours, theirs] = [student, teacher].map((x) => differences(tf.reshape(x, [x.shape[0] as number, -1]))) as [
    Tensor,
    Tensor,
  ];
  return {
    distance: smoothDifference(relativeDistances(ours), relativeDistances(theirs)),
    angle: smoothDifference(angles(ours), angles(theirs)),
  };
}
