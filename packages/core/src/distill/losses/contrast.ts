/**
 * The pure functions of contrastive representation distillation (Tian et al., arXiv 1910.10699; RepDistiller's
 * crd/criterion.py and crd/memory.py): scores against a memory, the loss of scores, and the memory's update.
 * Published: feature size 128, 16384 negatives, temperature 0.07, momentum 0.5, weight 0.8.
 */
import { meanOfAll, sumOfAll } from '../../runtime/ops/sum-of-all';
import { type Scalar, type Tensor, type Tensor2D, tf } from '../../runtime/tensorflow';

/**
 * e^(product / temperature), from the products [batch, k + 1] of embeddings of length 1 with rows of the other network's
 * memory, the image's own row first.
 */
export function contrastScores(products: Tensor2D, temperature: number): Tensor2D {
  return tf.exp(tf.div(products, temperature)) as Tensor2D;
}

/**
 * The divisor that makes scores [batch, k + 1] probabilities: `normaliser` unless it is negative (before the first batch),
 * else the mean score times the number of images. No gradient passes through it.
 */
export function normaliserOf(scores: Tensor2D, normaliser: Tensor, images: number): Scalar {
  const run = tf.customGrad((...args) => {
    const [given] = args as unknown as [Tensor];
    const first = tf.mul(meanOfAll(given), images);
    return {
      value: tf.where(tf.less(normaliser, 0), first, normaliser),
      gradFunc: (_: Tensor) => tf.zeros(scores.shape),
    };
  });
  return run(scores).asScalar();
}

/** Scores [batch, k + 1] divided by their normaliser, and the normaliser, for the next step. */
export function contrastProbabilities(
  scores: Tensor2D,
  normaliser: Tensor,
  images: number,
): { readonly probabilities: Tensor2D; readonly normaliser: Scalar } {
  const by = normaliserOf(scores, normaliser, images);
  return { probabilities: tf.div(scores, by), normaliser: by };
}

/**
 * The noise-contrastive loss of probabilities [batch, k + 1], the image's own first, among `images` images (the paper's
 * equation 18): sum over the k + 1, mean over the batch.
 */
export function contrastLoss(probabilities: Tensor2D, images: number, epsilon = 1e-7): Scalar {
  const [batch, count] = probabilities.shape;
  const noise = (count - 1) / images;
  const own = tf.slice(probabilities, [0, 0], [batch, 1]);
  const others = tf.slice(probabilities, [0, 1], [batch, count - 1]);
  // Ratios before logarithms: sums of logarithms over many negatives would nearly cancel.
  const against = sumOfAll(tf.log(tf.div(tf.add(others, noise + epsilon), noise)));
  const towards = tf.sum(tf.log(tf.div(tf.add(own, noise + epsilon), own)));
  return tf.div(tf.add(against, towards), batch).asScalar();
}

/**
 * A memory's rows [batch, d] after a batch: a mean of the old rows, weighted by `momentum`, and the embeddings [batch, d],
 * normalised to length 1.
 */
export function movedRows(rows: Tensor2D, embedding: Tensor2D, momentum = 0.5): Tensor2D {
  const moved = tf.add(tf.mul(rows, momentum), tf.mul(embedding, 1 - momentum));
  return tf.div(moved, tf.sqrt(tf.sum(tf.square(moved), 1, true)));
}
