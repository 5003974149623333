import { type Tensor, type Tensor2D, tf } from '../tensorflow';

export const defaultEpsilon = 1e-12;

/**
 * The lengths of the rows of x (or columns, with `axis` 0), at least epsilon: [n, 1] or [1, d]. `own` is 1 where it is
 * the vector's own length and 0 where it is epsilon.
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
 * Rows of x [n, d] (or columns, with `axis` 0) divided by their length. One shorter than `epsilon` is divided by epsilon
 * (PyTorch's F.normalize), and its gradient is finite: at 0 it is 1 / epsilon.
 */
export function l2Normalise(x: Tensor2D, axis: 0 | 1 = 1, epsilon = defaultEpsilon): Tensor2D {
  const run = tf.customGrad((...args) => {
    const [input, save] = args as unknown as [Tensor, (saved: Tensor[]) => void];
    const { length, own } = lengths(input, axis, epsilon);
    const y = tf.div(input, length);
    save([y, length, own()]);
    return {
      value: y,
      // What would change the length is taken out of dy, unless epsilon stood for the length.
      gradFunc: (dy: Tensor, saved: Tensor[]) => {
        const [unit, by, isOwn] = saved as [Tensor, Tensor, Tensor];
        const along = tf.mul(tf.sum(tf.mul(dy, unit), axis, true), isOwn);
        return tf.div(tf.sub(dy, tf.mul(unit, along)), by);
      },
    };
  });
  return run(x) as Tensor2D;
}
