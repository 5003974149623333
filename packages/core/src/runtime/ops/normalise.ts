import { type Tensor2D, tf } from '../tensorflow';

/**
 * Rows of x [n, d] divided by their length. A row shorter than `epsilon` is divided by epsilon (PyTorch's
 * F.normalize), and its gradient is finite: at 0 it is 1 / epsilon.
 */
export function l2Normalise(x: Tensor2D, epsilon = 1e-12): Tensor2D {
  const squares = tf.sum(tf.square(x), 1, true);
  return tf.mul(x, tf.rsqrt(tf.maximum(squares, epsilon * epsilon))) as Tensor2D;
}
