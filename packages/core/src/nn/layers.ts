/** Layers as functions: each declares its variables in a scope and returns what it does to its input. */
import type { Activation } from '../runtime/ops/activation';
import {
  type BatchNormVariables,
  batchNormInference,
  batchNormTraining,
  type Following,
} from '../runtime/ops/batch-norm';
import { conv2d } from '../runtime/ops/convolution/conv2d';
import { depthwiseConv2d } from '../runtime/ops/convolution/depthwise';
import { foldedConvolution } from '../runtime/ops/convolution/folded';
import { groupedConv2d } from '../runtime/ops/convolution/grouped';
import type { WindowOptions } from '../runtime/ops/convolution/window';
import { addBias, linear as affine } from '../runtime/ops/linear';
import { type Tensor, type Tensor2D, type Tensor4D, tf } from '../runtime/tensorflow';
import { constant, kaimingFanOut, linearDefault, ones, zeros } from './initialisers';
import type { Initialiser, Scope } from './scope';

/** train: batch norm by the batch's statistics, which update the running ones; eval: by the running ones, unchanged. */
export type Mode = 'train' | 'eval';

export interface ConvolutionShape {
  readonly inputs: number;
  readonly outputs: number;
  readonly kernel?: number;
  readonly stride?: number;
  readonly padding?: number;
  /** Channels are convolved in so many groups apart; as many as inputs and outputs is a depthwise convolution. */
  readonly groups?: number;
  readonly initialise?: Initialiser;
  /** There is a bias, and this is how it starts; none where left out. */
  readonly bias?: Initialiser;
}

interface ConvolutionParts {
  /** [kh, kw, in / groups, out] */
  readonly filter: Tensor4D;
  /** [out] */
  readonly offset: Tensor | undefined;
  readonly convolve: (x: Tensor4D, filter: Tensor4D) => Tensor4D;
  /** Of a convolution without groups. */
  readonly window: WindowOptions | undefined;
}

function declareConvolution(scope: Scope, shape: ConvolutionShape): ConvolutionParts {
  const { inputs, outputs, kernel = 1, stride = 1, padding = 0, groups = 1, initialise = kaimingFanOut } = shape;
  const filter = scope.weight('weight', [kernel, kernel, inputs / groups, outputs], initialise) as Tensor as Tensor4D;
  const offset = shape.bias && scope.weight('bias', [outputs], shape.bias);
  const window = { stride, padding };
  if (groups === 1) return { filter, offset, window, convolve: (x, by) => conv2d(x, by, window) };
  const convolve: ConvolutionParts['convolve'] =
    groups === inputs && groups === outputs
      ? (x, by) => depthwiseConv2d(x, tf.reshape(by, [kernel, kernel, inputs, 1]), window)
      : (x, by) => groupedConv2d(x, by, groups, window);
  return { filter, offset, window: undefined, convolve };
}

const convolved = (x: Tensor4D, { filter, offset, convolve }: ConvolutionParts): Tensor4D =>
  offset ? addBias(convolve(x, filter), offset) : convolve(x, filter);

/** Convolution; its filter `weight` is stored as [kh, kw, in / groups, out]. */
export function convolution(scope: Scope, shape: ConvolutionShape): (x: Tensor4D) => Tensor4D {
  const parts = declareConvolution(scope, shape);
  return (x) => convolved(x, parts);
}

export interface BatchNormShape {
  readonly momentum?: number;
  readonly epsilon?: number;
  /** False: the scale stays 1 (insightface's last batch norm). */
  readonly scale?: boolean;
}

function declareBatchNorm(scope: Scope, channels: number, scale: boolean): BatchNormVariables {
  return {
    gamma: scale ? scope.weight('weight', [channels], ones) : scope.statistic('weight', [channels], ones),
    beta: scope.weight('bias', [channels], zeros),
    mean: scope.statistic('running_mean', [channels], zeros),
    variance: scope.statistic('running_var', [channels], ones),
  };
}

/**
 * Batch norm over the last axis, with PyTorch's defaults and names. What follows it, the addition of a residual and an
 * activation, is best done with it: apart, each is one more pass over memory.
 */
export function batchNorm(
  scope: Scope,
  channels: number,
  { momentum = 0.1, epsilon = 1e-5, scale = true }: BatchNormShape = {},
): <T extends Tensor>(x: T, mode: Mode, following?: Following) => T {
  const variables = declareBatchNorm(scope, channels, scale);
  return (x, mode, following) =>
    mode === 'train'
      ? batchNormTraining(x, variables, { momentum, epsilon, ...following })
      : batchNormInference(x, variables, { epsilon, ...following });
}

/**
 * `convolution` and `batchNorm`, one behind the other. In evaluation they are one convolution, with the norm folded into
 * its filter and a bias: no gradient passes through it then.
 */
export function convolutionNorm(
  scopes: { readonly convolution: Scope; readonly norm: Scope },
  shape: ConvolutionShape,
  { momentum = 0.1, epsilon = 1e-5, scale = true }: BatchNormShape = {},
): (x: Tensor4D, mode: Mode, following?: Following) => Tensor4D {
  const parts = declareConvolution(scopes.convolution, shape);
  const variables = declareBatchNorm(scopes.norm, shape.outputs, scale);
  return (x, mode, following = {}) =>
    mode === 'train'
      ? batchNormTraining(convolved(x, parts), variables, { momentum, epsilon, ...following })
      : foldedConvolution(x, parts.filter, { ...parts, variables, epsilon, following });
}

/** PReLU with one slope a channel, 0.25 at first (PyTorch's default). */
export function parametricRelu(scope: Scope, channels: number): Activation {
  return { slope: scope.weight('weight', [channels], constant(0.25)) };
}

/** How a linear layer's variables start, where not as PyTorch's do. */
export interface LinearInitialisation {
  readonly initialise?: Initialiser;
  readonly initialiseBias?: Initialiser;
}

export interface LinearShape extends LinearInitialisation {
  readonly inputs: number;
  readonly outputs: number;
  readonly bias?: boolean;
}

/**
 * x [batch, in] -> [batch, out]; `weight` is stored as [in, out].
 * @throws Error that names the scope and the size when `inputs` or `outputs` is not a whole number from 1 on
 */
export function linear(scope: Scope, shape: LinearShape): (x: Tensor2D) => Tensor2D {
  const { inputs, outputs, bias = true } = shape;
  for (const [name, size] of Object.entries({ inputs, outputs })) {
    if (Number.isInteger(size) && size > 0) continue;
    throw new Error(`${scope.fullName}: linear needs a whole number from 1 on as \`${name}\`, got ${size}.`);
  }
  const { initialise = linearDefault(inputs), initialiseBias = linearDefault(inputs) } = shape;
  const weight = scope.weight('weight', [inputs, outputs], initialise) as Tensor as Tensor2D;
  const offset = bias ? scope.weight('bias', [outputs], initialiseBias) : undefined;
  return (x) => affine(x, weight, offset);
}
