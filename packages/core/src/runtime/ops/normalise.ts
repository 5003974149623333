import { type Tensor2D, tf } from '../tensorflow';

/**
 * Rows of x [n, d] (or columns, with `axis` 0) divided by their length. One shorter than `epsilon` is divided by epsilon
 * (PyTorch's F.normalize), and its gradient is finite: at 0 it is 1 / epsilon.
 */
export function l2Normalise(x: Tensor2D, axis: 0 | 1 = 1, epsilon = 1e-12): Tensor2D {
  const squares = tf.sum(tf.square(x), axis, true);
  return tf.div(x, tf.sqrt(tf.maximum(squares, epsilon * epsilon))) as Tensor2D;
}
