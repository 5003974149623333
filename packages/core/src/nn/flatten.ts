import { type Tensor2D, type Tensor4D, tf } from '../runtime/tensorflow';

/**
 * Maps [batch, h, w, c] -> [batch, c h w], in PyTorch's order (channel by channel), so that the weights of a linear
 * layer after it mean the same in both. The transposition costs little beside that layer.
 */
export function flatten(x: Tensor4D): Tensor2D {
  return tf.reshape(tf.transpose(x, [0, 3, 1, 2]), [x.shape[0], -1]);
}

/** The size of an image side after `count` layers of stride 2 that keep the size otherwise. */
export function halved(size: number, count: number): number {
  return Math.ceil(size / 2 ** count);
}
