import { type Tensor, type Tensor2D, tf } from '../tensorflow';
import { withGradient } from '../with-gradient';

export const defaultEpsilon = 1e-12;

/**
 * The lengths of the rows of x (or of its columns, with `axis` 0), at least epsilon: [n, 1] or [1, d]. `own` computes a
 * mask of the same shape: 1 where the length is the vector's own, 0 where it is epsilon.
 */
export function lengths(x: Tensor, axis: 0 | 1, epsilon: number): { length: Tensor; own: () => Tensor } {
  const squares = tf.sum(tf.square(x), axis, true);
  const least = epsilon * epsilon;
  return {
    length: tf.sqrt(tf.maximum(squares, least)),
    own: () => tf.cast(tf.greaterEqual(squares, least), 'float32'),
  };
}

/**
 * Rows of x [n, d] (or its columns, with `axis` 0) divided by their length. A vector shorter than `epsilon` is divided by
 * epsilon (PyTorch's F.normalize); its gradient is finite, 1 / epsilon at 0.
 */
export function l2Normalise(x: Tensor2D, axis: 0 | 1 = 1, epsilon = defaultEpsilon): Tensor2D {
  return withGradient(
    [x],
    (input) => {
      const { length, own } = lengths(input, axis, epsilon);
      const value = tf.div(input, length);
      return { value, saved: [value, length, own()] };
    },
    // Removes from dy the part that would change the length, unless epsilon stands for the length.
    (dy, unit, length, isOwn) => {
      const along = tf.mul(tf.sum(tf.mul(dy, unit), axis, true), isOwn);
      return tf.div(tf.sub(dy, tf.mul(unit, along)), length);
    },
  );
}
