import { type Tensor2D, type Tensor4D, tf } from '../tensorflow';

/** The mean over all pixels: [batch, h, w, c] -> [batch, c]. */
export function globalAveragePool(x: Tensor4D): Tensor2D {
  return tf.mean(x, [1, 2]);
}
