/** Differences that several losses are made of. */

import { softmax } from '../../runtime/ops/cross-entropy';
import { l2Normalise } from '../../runtime/ops/normalise';
import { adaptiveAveragePool2d } from '../../runtime/ops/pooling';
import { meanOfAll, sumOfAll } from '../../runtime/ops/sum-of-all';
import { type Scalar, type Tensor, type Tensor2D, type Tensor4D, tf } from '../../runtime/tensorflow';

/** |x|, with gradient 0 at 0 as PyTorch's; that of tf.abs is -1 there. */
export function absolute<T extends Tensor>(x: T): T {
  return tf.mul(x, tf.sign(x));
}

/**
 * The mean of (student - teacher)^2 over all entries of two tensors of one shape.
 *
 * FitNets' hint loss (Romero et al., arXiv 1412.6550; RepDistiller's FitNet.py, HintLoss) on a feature map behind a
 * `convolutionalRegressor`, published weight 100; SimKD's loss on the projected map (arXiv 2203.14001), weight 1.
 */
export function meanSquaredDifference(student: Tensor, teacher: Tensor): Scalar {
  return meanOfAll(tf.square(tf.sub(student, teacher)));
}

/**
 * The mean squared difference between the class probabilities of logits [batch, classes], 0..2 / classes (HeadSharingKD's
 * MSE.py, DistillMSE).
 */
export function probabilityDistance(student: Tensor2D, teacher: Tensor2D): Scalar {
  return meanSquaredDifference(softmax(student), softmax(teacher));
}

/**
 * Squared L2 distance between L2-normalised embeddings [batch, d], SUMMED over the batch: the reference's KDE
 * (helper/MSE.py), the paper's L2E. Each row adds 2 - 2 cos, so 0..4.
 */
export function embeddingDistance(student: Tensor2D, teacher: Tensor2D): Scalar {
  return sumOfAll(tf.square(tf.sub(l2Normalise(student), l2Normalise(teacher))));
}

/**
 * Pools the larger of two feature maps [batch, h, w, c] to the size of the other (adaptive_avg_pool2d), as RepDistiller
 * does with its square maps wherever it compares them; each side by itself where neither map is larger.
 */
export function matchSizes(a: Tensor4D, b: Tensor4D): [Tensor4D, Tensor4D] {
  const smaller = [Math.min(a.shape[1], b.shape[1]), Math.min(a.shape[2], b.shape[2])] as const;
  return [adaptiveAveragePool2d(a, smaller), adaptiveAveragePool2d(b, smaller)];
}
