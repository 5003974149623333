import { type Tensor, type Tensor1D, type Tensor4D, tf } from '../../tensorflow';
import { type BatchNormVariables, type Following, follow } from '../batch-norm';
import { addBias } from '../linear';
import { packedInference, packedServes } from './packed';
import type { WindowOptions } from './window';
import { winogradInference, winogradServes } from './winograd';

export interface Folding {
  readonly variables: BatchNormVariables;
  readonly epsilon: number;
  readonly following: Following;
  /** The convolution's bias [out], where it has one. */
  readonly offset: Tensor | undefined;
  /** The convolution without bias. */
  readonly convolve: (x: Tensor4D, filter: Tensor4D) => Tensor4D;
  /** The window of a convolution without groups; undefined for grouped and depthwise ones. */
  readonly window: WindowOptions | undefined;
}

/**
 * Convolution, batch norm by running statistics and the steps after it, as one convolution: the norm's scale goes into the
 * filter, whose last axis is the outputs, and its offset into a bias. Only for evaluation: where a kernel of this package
 * computes it, it has no gradient.
 */
export function foldedConvolution(x: Tensor4D, filter: Tensor4D, folding: Folding): Tensor4D {
  const { variables, epsilon, following, offset, convolve, window } = folding;
  const { gamma, beta, mean, variance } = variables;
  const { activation, residual } = following;
  const scale = tf.mul(gamma, tf.rsqrt(tf.add(variance, epsilon)));
  const bias = tf.sub(beta, tf.mul(offset ? tf.sub(mean, offset) : mean, scale)) as Tensor1D;
  const scaled = tf.mul(filter, scale) as Tensor4D;
  const epilogue = { bias, residual: residual as Tensor4D | undefined, activation };
  if (window && winogradServes(x, scaled, window)) return winogradInference(x, scaled, epilogue);
  if (window && packedServes(x, scaled, window)) return packedInference(x, scaled, window, epilogue);
  return follow(addBias(convolve(x, scaled), bias), following);
}
