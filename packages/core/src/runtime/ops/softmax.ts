import { type Tensor2D, tf } from '../tensorflow';

/**
 * Probabilities of logits [batch, classes]. By way of their logarithms: TensorFlow swaps its Softmax for another
 * implementation in compiled steps alone, so that they would differ in the last bits from steps run operation by operation.
 */
export function softmax(logits: Tensor2D): Tensor2D {
  return tf.exp(tf.logSoftmax(logits)) as Tensor2D;
}
