import { l2Normalise } from '../../runtime/ops/normalise';
import { type Scalar, type Tensor, type Tensor2D, tf } from '../../runtime/tensorflow';
import { absolute } from './absolute';

/** Mean of 0.5 d^2 where |d| < 1, |d| - 0.5 elsewhere (PyTorch's smooth_l1_loss). */
function smoothDifference(a: Tensor, b: Tensor): Scalar {
  const distance = absolute(tf.sub(a, b));
  const within = tf.minimum(distance, 1);
  return tf.mean(tf.mul(within, tf.sub(distance, tf.mul(within, 0.5)))).asScalar();
}

/** The differences of all pairs of rows of x [batch, d]: [batch, batch, d], from each to each. */
const differences = (x: Tensor): Tensor => tf.sub(tf.expandDims(x, 0), tf.expandDims(x, 1));

/** Distances between rows over the mean of those that are not 0, [batch, batch]. The least that counts is 1e-6. */
function relativeDistances(pairs: Tensor): Tensor {
  const batch = pairs.shape[0] as number;
  const others = tf.sub(1, tf.eye(batch));
  const squares = tf.sum(tf.square(pairs), 2);
  const distances = tf.mul(tf.sqrt(tf.maximum(squares, 1e-12)), others);
  return tf.div(distances, tf.div(tf.sum(distances), batch * (batch - 1)));
}

/** The cosine of the angle that each two others make at each row: [batch, batch, batch]. */
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
 * Relational distillation (Park et al., arXiv 1904.05068; RepDistiller's RKD.py): the embeddings' distances from one
 * another, as parts of their mean, and the angles between them, each by the smooth L1 difference. Embeddings [batch, d] or
 * maps, which are flattened; sizes may differ. A batch of at least two. It takes batch^2 d numbers. Published weight
 * 1 of 25 distance + 50 angle.
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

/** `relationalTerms` with their weights. */
export function relationalLoss(
  student: Tensor,
  teacher: Tensor,
  { distance: byDistance = 25, angle: byAngle = 50 }: { readonly distance?: number; readonly angle?: number } = {},
): Scalar {
  const { distance, angle } = relationalTerms(student, teacher);
  return tf.add(tf.mul(distance, byDistance), tf.mul(angle, byAngle)).asScalar();
}
