import { l2Normalise } from '../../runtime/ops/normalise';
import { type Tensor, type Tensor2D, type Tensor4D, tf } from '../../runtime/tensorflow';

/** x to a whole power, defined for negative x. */
export function power(x: Tensor, exponent: number): Tensor {
  if (exponent === 1) return x;
  return exponent === 2 ? tf.square(x) : tf.pow(x, exponent);
}

/** Where a map [batch, h, w, c] is active: the mean over channels of x^exponent, as rows [batch, h w] of length 1. */
export function attentionMap(x: Tensor4D, exponent: number): Tensor2D {
  return l2Normalise(tf.reshape(tf.mean(power(x, exponent), 3), [x.shape[0], -1]));
}
