import { l2Normalise } from '../../runtime/ops/normalise';
import { type Scalar, type Tensor, type Tensor2D, tf } from '../../runtime/tensorflow';
import { meanSquaredDifference } from './differences';

/** How alike the batch's images are, [batch, batch], each row of length 1. */
function similarities(x: Tensor): Tensor2D {
  const rows = tf.reshape(x, [x.shape[0] as number, -1]) as Tensor2D;
  return l2Normalise(tf.matMul(rows, rows, false, true) as Tensor2D);
}

/**
 * Similarity-preserving distillation (Tung and Mori, arXiv 1907.09682; RepDistiller's SP.py): images that are alike for
 * the teacher are so for the student. Maps [batch, h, w, c] or embeddings [batch, d], of any sizes; the order of a
 * row's entries does not matter. Published weight 3000.
 */
export function similarityLoss(student: Tensor, teacher: Tensor): Scalar {
  return meanSquaredDifference(similarities(student), similarities(teacher));
}
