import { constant } from '../../nn/initialisers';
import type { Scope } from '../../nn/scope';
import { relu } from '../../runtime/ops/activation';
import type { Tensor, Tensor4D } from '../../runtime/tensorflow';
import { moduleConvolution } from './convolution';

export interface VariationalRegressor {
  /** The student's feature map [batch, h, w, c], of the teacher's size -> the predicted mean [batch, h, w, c']. */
  mean(x: Tensor4D): Tensor4D;
  /** [c'], which gives each channel's variance ln(1 + e^logScale) + epsilon. */
  readonly logScale: Tensor;
}

/**
 * VID's regressor to the teacher's feature map (arXiv 1904.05835; RepDistiller's VID.py): three 1x1 convolutions without
 * bias, `regressor.0`, `.2` and `.4`, with ReLUs between, and `log_scale`. In the reference `between` is the teacher's
 * number of channels.
 */
export function variationalRegressor(
  scope: Scope,
  {
    inputs,
    outputs,
    between = outputs,
  }: { readonly inputs: number; readonly outputs: number; readonly between?: number },
  { variance = 5, epsilon = 1e-5 }: { readonly variance?: number; readonly epsilon?: number } = {},
): VariationalRegressor {
  const layer = (at: number, from: number, to: number) =>
    moduleConvolution(scope.child('regressor').child(`${at}`), { inputs: from, outputs: to, kernel: 1, bias: false });
  const layers = [layer(0, inputs, between), layer(2, between, between), layer(4, between, outputs)] as const;
  const initial = constant(Math.log(Math.exp(variance - epsilon) - 1));
  return {
    mean: (x) => layers[2](relu(layers[1](relu(layers[0](x))))),
    logScale: scope.weight('log_scale', [outputs], initial),
  };
}
