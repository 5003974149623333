import { linear as affine } from '../runtime/ops/linear';
import { globalAveragePool } from '../runtime/ops/pooling';
import { type Tensor, type Tensor2D, type Tensor4D, tf } from '../runtime/tensorflow';
import { kaimingFanOut, zeros } from './initialisers';
import type { Scope } from './scope';

export interface SqueezeExcitationShape {
  readonly channels: number;
  /** Channels between the two layers. */
  readonly squeezed: number;
  readonly activation: (x: Tensor2D) => Tensor2D;
  /** What makes factors of the second layer's outputs: a sigmoid of some kind. */
  readonly gate: (x: Tensor2D) => Tensor2D;
}

/** A 1x1 convolution with bias, of single pixels: a linear layer, whose weight keeps a filter's shape and start. */
function pointwise(scope: Scope, inputs: number, outputs: number): (x: Tensor2D) => Tensor2D {
  const filter: Tensor = scope.weight('weight', [1, 1, inputs, outputs], kaimingFanOut);
  const bias = scope.weight('bias', [outputs], zeros);
  return (x) => affine(x, tf.reshape(filter, [inputs, outputs]), bias);
}

/**
 * Squeeze-and-excitation (Hu et al., arXiv 1709.01507), with torchvision's names `fc1` and `fc2`: x [batch, h, w, c] times
 * one factor a channel, which two layers make of the channels' means.
 */
export function squeezeExcitation(scope: Scope, shape: SqueezeExcitationShape): (x: Tensor4D) => Tensor4D {
  const { channels, squeezed, activation, gate } = shape;
  const squeeze = pointwise(scope.child('fc1'), channels, squeezed);
  const excite = pointwise(scope.child('fc2'), squeezed, channels);
  return (x) => {
    const factors = gate(excite(activation(squeeze(globalAveragePool(x)))));
    return tf.mul(x, tf.reshape(factors, [x.shape[0], 1, 1, channels]));
  };
}
