/** Layers as functions: each declares its variables in a scope and returns the function that applies it. */
import type { Activation } from '../runtime/ops/activation';
import {
  type BatchNormVariables,
  batchNormInference,
  batchNormTraining,
  type Following,
} from '../runtime/ops/batch-norm';
import { conv2d } from '../runtime/ops/convolution/conv2d';
import { depthwiseConv2d, depthwiseInference } from '../runtime/ops/convolution/depthwise';
import { type Convolving, foldedConvolution, fusedConv2d } from '../runtime/ops/convolution/folded';
import { groupedConv2d } from '../runtime/ops/convolution/grouped';
import { type Pair, pair } from '../runtime/ops/convolution/window';
import { addBias, linear as affine } from '../runtime/ops/linear';
import { type Tensor, type Tensor2D, type Tensor4D, tf } from '../runtime/tensorflow';
import { constant, kaimingFanOut, linearDefault, ones, zeros } from './initialisers';
import type { Initialiser, Scope } from './scope';

/** train: batch norm uses the batch's statistics and updates the running ones; eval: it uses the running ones, unchanged. */
export type Mode = 'train' | 'eval';

export interface ConvolutionShape {
  readonly inputs: number;
  readonly outputs: number;
  /** Default: 1. */
  readonly kernel?: Pair;
  /** Default: 1. */
  readonly stride?: number;
  /** Default: 0. */
  readonly padding?: number;
  /** The number of channel groups that are convolved separately; as many as inputs and outputs: depthwise. Default: 1. */
  readonly groups?: number;
  /** Default: `kaimingFanOut`. */
  readonly initialise?: Initialiser;
  /** The initial bias; default: no bias. */
  readonly bias?: Initialiser;
}

interface ConvolutionParts extends Convolving {
  /** [kh, kw, in / groups, out] */
  readonly filter: Tensor4D;
  /** [out] */
  readonly offset: Tensor | undefined;
}

function declareConvolution(scope: Scope, shape: ConvolutionShape): ConvolutionParts {
  const { inputs, outputs, kernel = 1, stride = 1, padding = 0, groups = 1, initialise = kaimingFanOut } = shape;
  const [height, width] = pair(kernel);
  const filter = scope.weight('weight', [height, width, inputs / groups, outputs], initialise) as Tensor as Tensor4D;
  const offset = shape.bias && scope.weight('bias', [outputs], shape.bias);
  const window = { stride, padding };
  if (groups === 1) {
    return {
      filter,
      offset,
      convolve: (x, by) => conv2d(x, by, window),
      fused: (x, by, epilogue) => fusedConv2d(x, by, window, epilogue),
    };
  }
  if (groups === inputs && groups === outputs) {
    const single = (by: Tensor4D): Tensor4D => tf.reshape(by, [height, width, inputs, 1]);
    return {
      filter,
      offset,
      convolve: (x, by) => depthwiseConv2d(x, single(by), window),
      fused: (x, by, epilogue) => depthwiseInference(x, single(by), window, epilogue),
    };
  }
  return { filter, offset, convolve: (x, by) => groupedConv2d(x, by, groups, window), fused: () => undefined };
}

const convolved = (x: Tensor4D, { filter, offset, convolve }: ConvolutionParts): Tensor4D =>
  offset ? addBias(convolve(x, filter), offset) : convolve(x, filter);

/** A convolution of maps [batch, h, w, in]; its filter `weight` is stored as [kh, kw, in / groups, out]. */
export function convolution(scope: Scope, shape: ConvolutionShape): (x: Tensor4D) => Tensor4D {
  const parts = declareConvolution(scope, shape);
  return (x) => convolved(x, parts);
}

export interface BatchNormShape {
  /** Default: 0.1. */
  readonly momentum?: number;
  /** Default: 1e-5. */
  readonly epsilon?: number;
  /** False: the scale stays 1 (insightface's last batch norm). */
  readonly scale?: boolean;
}

function declareBatchNorm(scope: Scope, channels: number, { scale = true }: BatchNormShape): BatchNormVariables {
  return {
    gamma: scale ? scope.weight('weight', [channels], ones) : scope.statistic('weight', [channels], ones),
    beta: scope.weight('bias', [channels], zeros),
    mean: scope.statistic('running_mean', [channels], zeros, 'running'),
    variance: scope.statistic('running_var', [channels], ones, 'running'),
  };
}

/**
 * Batch norm over the last axis, with PyTorch's defaults and names. Pass a residual and an activation that follow it as
 * `following`: computed separately, each would be one more pass over memory.
 */
export function batchNorm(
  scope: Scope,
  channels: number,
  shape: BatchNormShape = {},
): <T extends Tensor>(x: T, mode: Mode, following?: Following) => T {
  const variables = declareBatchNorm(scope, channels, shape);
  const { momentum = 0.1, epsilon = 1e-5 } = shape;
  return (x, mode, following) =>
    mode === 'train'
      ? batchNormTraining(x, variables, { momentum, epsilon, ...following })
      : batchNormInference(x, variables, { epsilon, ...following });
}

/**
 * `convolution`, then `batchNorm`. In evaluation they are one convolution, with the norm folded into its filter and a bias;
 * no gradient passes through it then.
 * @param names of the convolution and of the norm in `scope`: ['conv1', 'bn1']
 */
export function convolutionNorm(
  scope: Scope,
  names: readonly [convolution: string, norm: string],
  shape: ConvolutionShape,
  norm: BatchNormShape = {},
): (x: Tensor4D, mode: Mode, following?: Following) => Tensor4D {
  const parts = declareConvolution(scope.child(names[0]), shape);
  const variables = declareBatchNorm(scope.child(names[1]), shape.outputs, norm);
  const { momentum = 0.1, epsilon = 1e-5 } = norm;
  return (x, mode, following = {}) =>
    mode === 'train'
      ? batchNormTraining(convolved(x, parts), variables, { momentum, epsilon, ...following })
      : foldedConvolution(x, parts.filter, { ...parts, variables, epsilon, following });
}

/** PReLU with one slope per channel, 0.25 at first (PyTorch's default). */
export function parametricRelu(scope: Scope, channels: number): Activation {
  return { slope: scope.weight('weight', [channels], constant(0.25)) };
}

/** The initial values of a linear layer; default: PyTorch's. */
export interface LinearInitialisation {
  readonly initialise?: Initialiser;
  readonly initialiseBias?: Initialiser;
}

export interface LinearShape extends LinearInitialisation {
  readonly inputs: number;
  readonly outputs: number;
  /** Default: true. */
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

/**
 * Maps [batch, h, w, c] -> [batch, c h w] in PyTorch's order, channel by channel, so that the weights of a following linear
 * layer are the same in both. The transposition costs little compared with that layer.
 */
export function flatten(x: Tensor4D): Tensor2D {
  return tf.reshape(tf.transpose(x, [0, 3, 1, 2]), [x.shape[0], -1]);
}
