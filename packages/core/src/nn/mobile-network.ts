/** The parts that the mobile networks for ImageNet share: squeeze-and-excitation, inverted residual blocks, the whole network. */
import { type Activation, activate } from '../runtime/ops/activation';
import { fusedConv2d } from '../runtime/ops/convolution/folded';
import { linear as affine } from '../runtime/ops/linear';
import { globalAveragePool } from '../runtime/ops/pooling';
import { scaleChannels } from '../runtime/ops/scale-channels';
import { type Tensor, type Tensor1D, type Tensor2D, type Tensor4D, tf } from '../runtime/tensorflow';
import type { ApplyOptions, BackboneOutput } from './backbone';
import { kaimingFanOut, zeros } from './initialisers';
import { type BatchNormShape, type ConvolutionShape, convolutionNorm, type Mode } from './layers';
import type { Scope } from './scope';

/**
 * `channels` times the width, rounded to a multiple of 8, at least 8 and at least nine tenths of it (torchvision's
 * `_make_divisible`). Published channels are multiples of 8 and stay the same at width 1.
 */
export function inEights(channels: number, width = 1): number {
  const wanted = channels * width;
  const rounded = Math.max(8, Math.floor((wanted + 4) / 8) * 8);
  return rounded < 0.9 * wanted ? rounded + 8 : rounded;
}

export interface SqueezeExcitationShape {
  readonly channels: number;
  /** Channels between the two layers. */
  readonly squeezed: number;
  readonly activation: Nonlinearity;
  /** Turns the second layer's outputs into factors: a kind of sigmoid. */
  readonly gate: Nonlinearity;
}

/** A 1x1 convolution of single pixels with bias: a linear layer whose weight has a filter's shape and initial values. */
function pointwise(scope: Scope, inputs: number, outputs: number, activation: Nonlinearity) {
  const filter = scope.weight('weight', [1, 1, inputs, outputs], kaimingFanOut) as Tensor as Tensor4D;
  const bias = scope.weight('bias', [outputs], zeros) as Tensor as Tensor1D;
  const named = typeof activation === 'string' ? activation : undefined;
  const activated = (x: Tensor4D): Tensor4D =>
    typeof activation === 'string' ? activate(x, activation) : activation(x);
  return (x: Tensor4D, mode: Mode): Tensor4D => {
    const fused = mode === 'eval' ? fusedConv2d(x, filter, {}, { bias, activation: named }) : undefined;
    if (fused) return named ? fused : activated(fused);
    const [rows, weight]: [Tensor2D, Tensor2D] = [tf.reshape(x, [-1, inputs]), tf.reshape(filter, [inputs, outputs])];
    return activated(tf.reshape(affine(rows, weight, bias), [-1, 1, 1, outputs]));
  };
}

/**
 * Squeeze-and-excitation (Hu et al., arXiv 1709.01507), with torchvision's names `fc1` and `fc2`: two layers compute one factor
 * per channel from the channels' means, and x [batch, h, w, c] is multiplied by it.
 */
export function squeezeExcitation(scope: Scope, shape: SqueezeExcitationShape): (x: Tensor4D, mode: Mode) => Tensor4D {
  const { channels, squeezed, activation, gate } = shape;
  const squeeze = pointwise(scope.child('fc1'), channels, squeezed, activation);
  const excite = pointwise(scope.child('fc2'), squeezed, channels, gate);
  return (x, mode) => {
    const means: Tensor4D = tf.reshape(globalAveragePool(x), [-1, 1, 1, channels]);
    return scaleChannels(x, excite(squeeze(means, mode), mode));
  };
}

/** By name where a kernel may compute it together with the layer before it. */
type Nonlinearity = Exclude<Activation, object> | (<T extends Tensor>(x: T) => T);

export interface MobileBlock {
  /** The sequence of its layers, below the features' scope: `1.conv`. */
  readonly at: string;
  /** Channels of the depthwise convolution; where there are as many inputs, no convolution widens them. */
  readonly inner: number;
  readonly outputs: number;
  readonly kernel: number;
  readonly stride: number;
  readonly activation: Nonlinearity;
  /** Comes before the convolution that narrows. */
  readonly squeeze?: Omit<SqueezeExcitationShape, 'channels'>;
  /** The last convolution and its norm are two layers of the sequence, not one (MobileNetV2). */
  readonly flat?: boolean;
}

/** Convolution, batch norm and activation, padded so that a stride of 1 keeps the size: torchvision's `Conv2dNormActivation`. */
function unit(
  scope: Scope,
  shape: ConvolutionShape & { readonly kernel?: number },
  activation: Nonlinearity,
  norm?: BatchNormShape,
) {
  const convolve = convolutionNorm(scope, ['0', '1'], { ...shape, padding: ((shape.kernel ?? 1) - 1) / 2 }, norm);
  return (x: Tensor4D, mode: Mode): Tensor4D =>
    typeof activation === 'function' ? activation(convolve(x, mode)) : convolve(x, mode, { activation });
}

/**
 * The block of mobile networks (Sandler et al., arXiv 1801.04381; with squeeze-and-excitation, Howard et al., arXiv
 * 1905.02244): a 1x1 convolution widens, a depthwise one follows, a linear 1x1 convolution narrows again, and the input is
 * added where it has the same shape. Names are torchvision's.
 */
function invertedResidual(sequence: Scope, inputs: number, block: MobileBlock, norm: BatchNormShape | undefined) {
  const { inner, outputs, kernel, stride, activation, squeeze, flat = false } = block;
  let index = 0;
  const next = (): Scope => sequence.child(`${index++}`);
  const widen = inner === inputs ? undefined : unit(next(), { inputs, outputs: inner }, activation, norm);
  const depthwise = unit(next(), { inputs: inner, outputs: inner, kernel, stride, groups: inner }, activation, norm);
  const rescale = squeeze && squeezeExcitation(next(), { channels: inner, ...squeeze });
  const names = flat ? ([`${index}`, `${index + 1}`] as const) : ([`${index}.0`, `${index}.1`] as const);
  const narrow = convolutionNorm(sequence, names, { inputs: inner, outputs }, norm);
  const skips = stride === 1 && inputs === outputs;
  return sequence.block((x: Tensor4D, mode: Mode): Tensor4D => {
    const filtered = depthwise(widen ? widen(x, mode) : x, mode);
    return narrow(rescale ? rescale(filtered, mode) : filtered, mode, skips ? { residual: x } : {});
  });
}

export interface MobileShape {
  /** Channels of the stem. */
  readonly stem: number;
  readonly blocks: readonly MobileBlock[];
  /** The name and the channels of the last convolution. */
  readonly last: { readonly at: string; readonly outputs: number };
  /** After the stem and the last convolution. */
  readonly activation: Nonlinearity;
  readonly norm?: BatchNormShape;
}

/**
 * Declares a mobile network in `scope`: a stem, inverted residual blocks and a last 1x1 convolution, whose pooled map is the
 * embedding [batch, last.outputs]. Features are one map per resolution, from half the image's to a 32nd: the input of each
 * block of stride 2, and the last block's output. Blocks end without an activation, so preactivations are the features.
 */
export function mobileNetwork(
  scope: Scope,
  { stem, blocks, last, activation, norm }: MobileShape,
): (images: Tensor4D, mode: Mode, options?: ApplyOptions) => BackboneOutput {
  const first = unit(scope.child('0'), { inputs: 3, outputs: stem, kernel: 3, stride: 2 }, activation, norm);
  let inputs = stem;
  const stages: ReturnType<typeof invertedResidual>[][] = [[]];
  for (const block of blocks) {
    if (block.stride > 1) stages.push([]);
    stages.at(-1)?.push(invertedResidual(scope.child(block.at), inputs, block, norm));
    inputs = block.outputs;
  }
  const widen = unit(scope.child(last.at), { inputs, outputs: last.outputs }, activation, norm);
  return (images, mode, { preactivations } = {}) => {
    let x = first(images, mode);
    const features = stages.map((stage) => {
      x = stage.reduce((y, block) => block(y, mode), x);
      return x;
    });
    const embedding = globalAveragePool(widen(x, mode));
    return { features, embedding, ...(preactivations && { preactivations: features }) };
  };
}
