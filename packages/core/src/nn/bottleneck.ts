import { adaptiveAveragePool2d } from '../runtime/ops/pooling';
import type { Tensor4D } from '../runtime/tensorflow';
import { type ConvolutionShape, convolutionNorm, type Mode } from './layers';
import type { Scope } from './scope';

export interface BottleneckShape {
  /** Channels of the map that it reads. */
  readonly inputs: number;
  /** Channels of its output. */
  readonly outputs: number;
  /** The output's size; a larger map is pooled to it first. */
  readonly size: readonly [height: number, width: number];
  /** Divides the outputs to give the channels between the convolutions; 2 as published. */
  readonly factor: number;
}

/**
 * SimKD's projector (arXiv 2203.14001; models/util.py, whose names its layers keep): 1x1, 3x3 and 1x1 convolutions, each with
 * batch norm and ReLU, that turn a map [batch, h, w, inputs] into one shaped like another network's.
 */
export function bottleneck(
  scope: Scope,
  { inputs, outputs, size, factor }: BottleneckShape,
): (x: Tensor4D, mode: Mode) => Tensor4D {
  const between = Math.max(1, Math.floor(outputs / factor));
  const layer = (at: number, shape: ConvolutionShape) =>
    convolutionNorm(scope.child('transfer'), [`${at}`, `${at + 1}`], shape);
  const layers = [
    layer(0, { inputs, outputs: between }),
    layer(3, { inputs: between, outputs: between, kernel: 3, padding: 1 }),
    layer(6, { inputs: between, outputs }),
  ];
  const [height, width] = size;
  return (x, mode) => {
    const pooled = x.shape[1] > height || x.shape[2] > width ? adaptiveAveragePool2d(x, [height, width]) : x;
    return layers.reduce((map, one) => one(map, mode, { activation: 'relu' }), pooled);
  };
}
