import type { Tensor, Tensor4D } from '../runtime/tensorflow';
import { type BatchNormShape, type ConvolutionShape, convolutionNorm, type Mode } from './layers';
import type { Scope } from './scope';
import { type SqueezeExcitationShape, squeezeExcitation } from './squeeze-excitation';

/** ReLU is done with the batch norm before it, another after it. */
export type Nonlinearity = 'relu' | (<T extends Tensor>(x: T) => T);

export interface InvertedResidualShape {
  readonly inputs: number;
  /** Channels of the depthwise convolution; there is no convolution that widens where the inputs are as many. */
  readonly inner: number;
  readonly outputs: number;
  readonly kernel: number;
  readonly stride: number;
  readonly activation: Nonlinearity;
  readonly norm?: BatchNormShape;
  /** Stands before the convolution that narrows. */
  readonly squeeze?: Omit<SqueezeExcitationShape, 'channels'>;
  /** The last convolution and its norm are numbered like layers, not together as one (MobileNetV2). */
  readonly flat?: boolean;
}

/** Convolution, batch norm and activation, padded so that a stride of 1 keeps the size: torchvision's `Conv2dNormActivation`. */
function unit(scope: Scope, shape: ConvolutionShape, activation: Nonlinearity, norm?: BatchNormShape) {
  const scopes = { convolution: scope.child('0'), norm: scope.child('1') };
  const convolve = convolutionNorm(scopes, { ...shape, padding: ((shape.kernel ?? 1) - 1) / 2 }, norm);
  return (x: Tensor4D, mode: Mode): Tensor4D =>
    activation === 'relu' ? convolve(x, mode, { activation }) : activation(convolve(x, mode));
}

/**
 * The block of mobile networks (Sandler et al., arXiv 1801.04381; with squeeze-and-excitation, Howard et al., arXiv
 * 1905.02244): a 1x1 convolution widens, a depthwise one follows, and a linear 1x1 convolution narrows again, to whose
 * result the input is added where it has that shape. Names are torchvision's.
 * @param sequence the scope whose children are the layers, numbered
 */
export function invertedResidual(sequence: Scope, shape: InvertedResidualShape): (x: Tensor4D, mode: Mode) => Tensor4D {
  const { inputs, inner, outputs, kernel, stride, activation, norm, squeeze, flat = false } = shape;
  let index = 0;
  const next = (): Scope => sequence.child(`${index++}`);
  const widen = inner === inputs ? undefined : unit(next(), { inputs, outputs: inner }, activation, norm);
  const depthwise = unit(next(), { inputs: inner, outputs: inner, kernel, stride, groups: inner }, activation, norm);
  const rescale = squeeze && squeezeExcitation(next(), { channels: inner, ...squeeze });
  const last = next();
  const narrow = convolutionNorm(
    flat ? { convolution: last, norm: next() } : { convolution: last.child('0'), norm: last.child('1') },
    { inputs: inner, outputs },
    norm,
  );
  const skips = stride === 1 && inputs === outputs;
  return sequence.block((x: Tensor4D, mode: Mode): Tensor4D => {
    const filtered = depthwise(widen ? widen(x, mode) : x, mode);
    return narrow(rescale ? rescale(filtered) : filtered, mode, skips ? { residual: x } : {});
  });
}
