import { type Scalar, type Tensor, tf } from '../../runtime/tensorflow';

/**
 * The mean over all entries of (student - teacher)^2; both of one shape.
 *
 * FitNets' loss of hints (Romero et al., arXiv 1412.6550; RepDistiller's FitNet.py, HintLoss), of a student's map behind
 * `convolutionalRegressor`; published weight 100. Also SimKD's, of the projected map (arXiv 2203.14001), weight 1.
 */
export function meanSquaredDifference(student: Tensor, teacher: Tensor): Scalar {
  return tf.mean(tf.square(tf.sub(student, teacher))).asScalar();
}
