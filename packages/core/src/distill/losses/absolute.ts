import { type Tensor, tf } from '../../runtime/tensorflow';

/** |x|, with gradient 0 at 0 as PyTorch's; that of tf.abs is -1 there. */
export function absolute<T extends Tensor>(x: T): T {
  return tf.mul(x, tf.sign(x));
}
