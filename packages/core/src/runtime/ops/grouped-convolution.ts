import { type Tensor4D, tf } from '../tensorflow';
import type { ConvolutionOptions } from './convolution-of';
import { depthwiseConv2d } from './depthwise-convolution';

/**
 * Convolution in groups of channels: x [batch, h, w, in], filter [kh, kw, in / groups, out]; padding as PyTorch's.
 * TensorFlow has no gradients of grouped convolutions on the CPU, so each channel is filtered alone and the results
 * are added up within their group.
 */
export function groupedConv2d(x: Tensor4D, filter: Tensor4D, groups: number, options?: ConvolutionOptions): Tensor4D {
  const [height, width, inputs, outputs] = filter.shape;
  const each = outputs / groups;
  const byGroup = tf.transpose(tf.reshape(filter, [height, width, inputs, groups, each]), [0, 1, 3, 2, 4]);
  const y = depthwiseConv2d(x, tf.reshape(byGroup, [height, width, groups * inputs, each]), options);
  const [batch, rows, columns] = y.shape;
  const parts = tf.reshape(y, [batch, rows, columns, groups, inputs, each]);
  return tf.reshape(tf.sum(parts, 4), [batch, rows, columns, outputs]);
}
