import { type Scalar, type Tensor, tf } from '../tensorflow';

// TensorFlow adds up to so many elements in one order, and more (seen from 2^18 on) in as many parts as it has threads.
const inOneOrder = 65536;

/** The sum of all elements, with the same bits with any number of threads, for tensors of at least two axes. */
export function sumOfAll(x: Tensor): Scalar {
  return x.rank < 2 || x.size <= inOneOrder ? tf.sum(x).asScalar() : sumOfAll(tf.sum(x, x.rank - 1));
}

/** The mean of all elements, likewise. */
export function meanOfAll(x: Tensor): Scalar {
  return x.rank < 2 || x.size <= inOneOrder ? tf.mean(x).asScalar() : tf.mul(sumOfAll(x), 1 / x.size).asScalar();
}
