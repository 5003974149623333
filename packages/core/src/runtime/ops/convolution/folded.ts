import { type Tensor, type Tensor1D, type Tensor4D, tf } from '../../tensorflow';
import { type BatchNormVariables, type Following, follow } from '../batch-norm';
import { addBias } from '../linear';
import type { Epilogue } from './fused-epilogue';
import { packedInference, packedServes } from './packed';
import type { WindowOptions } from './window';
import { winogradAlgorithm, winogradInference } from './winograd';

export interface Convolving {
  readonly convolve: (x: Tensor4D, filter: Tensor4D) => Tensor4D;
  /** activation(convolve(x, filter) + bias + residual), without gradient, by one kernel; undefined where none serves. */
  readonly fused: (x: Tensor4D, filter: Tensor4D, epilogue: Epilogue) => Tensor4D | undefined;
}

export interface Folding extends Convolving {
  readonly variables: BatchNormVariables;
  readonly epsilon: number;
  readonly following: Following;
  /** The convolution's bias [out], where it has one. */
  readonly offset: Tensor | undefined;
}

/**
 * Convolution, batch norm by running statistics and the steps after it, as one convolution: the norm's scale goes into the
 * filter, whose last axis is the outputs, and its offset into a bias. Only for evaluation: where a kernel of this package
 * computes it, it has no gradient.
 */
export function foldedConvolution(x: Tensor4D, filter: Tensor4D, folding: Folding): Tensor4D {
  const { variables, epsilon, following, offset, convolve, fused } = folding;
  const { gamma, beta, mean, variance } = variables;
  const scale = tf.mul(gamma, tf.rsqrt(tf.add(variance, epsilon)));
  const bias = tf.sub(beta, tf.mul(offset ? tf.sub(mean, offset) : mean, scale)) as Tensor1D;
  const scaled = tf.mul(filter, scale) as Tensor4D;
  const { activation, residual } = following;
  const y = fused(x, scaled, { bias, residual: residual as Tensor4D | undefined, activation });
  return y ?? follow(addBias(convolve(x, scaled), bias), following);
}

/** `Convolving.fused` of a convolution without groups. */
export function fusedConv2d(
  x: Tensor4D,
  filter: Tensor4D,
  window: WindowOptions,
  epilogue: Epilogue,
): Tensor4D | undefined {
  const algorithm = winogradAlgorithm(x, filter, window);
  if (algorithm) return winogradInference(x, filter, epilogue, algorithm);
  if (packedServes(x, filter, window)) return packedInference(x, filter, window, epilogue);
  return undefined;
}
