import { batchNorm, type Mode } from '../../nn/layers';
import type { Scope } from '../../nn/scope';
import type { Tensor4D } from '../../runtime/tensorflow';
import { partConvolution } from './convolution';

/**
 * SimKD's projector (Chen et al., arXiv 2203.14001; its models/util.py, SimKD): a bottleneck of 1x1, 3x3 and 1x1
 * convolutions without bias, each with batch norm and ReLU, takes the student's last map [batch, h, w, c], of the size of the
 * teacher's, to the teacher's channels. In between there are the teacher's channels over `factor`, published 2.
 * Parameters `transfer.0` to `transfer.7`.
 */
export function reusedClassifierProjector(
  scope: Scope,
  { inputs, outputs, factor = 2 }: { readonly inputs: number; readonly outputs: number; readonly factor?: number },
): (x: Tensor4D, mode: Mode) => Tensor4D {
  const between = Math.floor(outputs / factor);
  const transfer = scope.child('transfer');
  const layer = (at: number, from: number, to: number, kernel: number) => {
    const shape = { inputs: from, outputs: to, kernel, padding: (kernel - 1) / 2, bias: false };
    const convolve = partConvolution(transfer.child(`${at}`), shape);
    const norm = batchNorm(transfer.child(`${at + 1}`), to);
    return (x: Tensor4D, mode: Mode): Tensor4D => norm(convolve(x), mode, { activation: 'relu' });
  };
  const layers = [layer(0, inputs, between, 1), layer(3, between, between, 3), layer(6, between, outputs, 1)];
  return (x, mode) => layers.reduce((y, one) => one(y, mode), x);
}
