import { softmax } from '../../runtime/ops/cross-entropy';
import { l2Normalise } from '../../runtime/ops/normalise';
import { type Scalar, type Tensor2D, tf } from '../../runtime/tensorflow';

export interface DistTerms {
  /** 1 less the mean correlation of the images' probabilities over classes, 0..2. */
  readonly inter: Scalar;
  /** 1 less the mean correlation of the classes' probabilities over the batch, 0..2. */
  readonly intra: Scalar;
}

/** 1 less Pearson's correlation along `axis`, mean over the other axis; lengths below epsilon count as epsilon. */
function uncorrelated(student: Tensor2D, teacher: Tensor2D, axis: 0 | 1, epsilon: number): Scalar {
  const [ours, theirs] = [student, teacher].map((x) =>
    l2Normalise(tf.sub(x, tf.mean(x, axis, true)) as Tensor2D, axis, epsilon),
  ) as [Tensor2D, Tensor2D];
  return tf.sub(1, tf.mean(tf.sum(tf.mul(ours, theirs), axis))).asScalar();
}

/**
 * DIST (Huang et al., arXiv 2205.10536; torchdistill's DISTLoss): the correlation between the two networks' softened
 * probabilities, from logits [batch, classes].
 */
export function distTerms(
  student: Tensor2D,
  teacher: Tensor2D,
  { temperature = 1, epsilon = 1e-8 }: { readonly temperature?: number; readonly epsilon?: number } = {},
): DistTerms {
  const [ours, theirs] = [student, teacher].map((x) => softmax(tf.div(x, temperature))) as [Tensor2D, Tensor2D];
  return { inter: uncorrelated(ours, theirs, 1, epsilon), intra: uncorrelated(ours, theirs, 0, epsilon) };
}

export interface DistOptions {
  readonly beta?: number;
  readonly gamma?: number;
  /** tau */
  readonly temperature?: number;
  readonly epsilon?: number;
}

/**
 * tau^2 (beta inter + gamma intra). torchdistill's published ImageNet run has beta, gamma and tau 1, and the whole with
 * weight 2 beside a cross-entropy of weight 1.
 */
export function distLoss(
  student: Tensor2D,
  teacher: Tensor2D,
  { beta = 1, gamma = 1, temperature = 1, epsilon }: DistOptions = {},
): Scalar {
  const { inter, intra } = distTerms(student, teacher, { temperature, epsilon });
  return tf.mul(tf.add(tf.mul(inter, beta), tf.mul(intra, gamma)), temperature ** 2).asScalar();
}
