import { constant } from '../../nn/initialisers';
import type { Scope } from '../../nn/scope';
import { relu } from '../../runtime/ops/activation';
import type { Tensor, Tensor4D } from '../../runtime/tensorflow';
import { partConvolution } from './convolution';

export interface VariationalRegressor {
  /** The student's map [batch, h, w, c], of the size of the teacher's -> the mean [batch, h, w, c'] that it predicts. */
  mean(x: Tensor4D): Tensor4D;
  /** [c'] of each channel's variance ln(1 + e^logScale) + epsilon. */
  readonly logScale: Tensor;
}

/**
 * What VID predicts the teacher's map by (arXiv 1904.05835; RepDistiller's VID.py): three 1x1 convolutions without bias,
 * `regressor.0`, `.2` and `.4`, with ReLUs between, and `log_scale`. `between` is the teacher's channels in the reference.
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
    partConvolution(scope.child('regressor').child(`${at}`), { inputs: from, outputs: to, kernel: 1, bias: false });
  const layers = [layer(0, inputs, between), layer(2, between, between), layer(4, between, outputs)] as const;
  const initial = constant(Math.log(Math.exp(variance - epsilon) - 1));
  return {
    mean: (x) => layers[2](relu(layers[1](relu(layers[0](x))))),
    logScale: scope.weight('log_scale', [outputs], initial),
  };
}
