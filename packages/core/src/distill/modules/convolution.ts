import { uniform } from '../../nn/initialisers';
import type { Initialiser, Scope } from '../../nn/scope';
import { conv2d } from '../../runtime/ops/convolution/conv2d';
import { transposedConv2d } from '../../runtime/ops/convolution/transposed';
import { type Pair, pair } from '../../runtime/ops/convolution/window';
import { addBias } from '../../runtime/ops/linear';
import type { Tensor, Tensor4D } from '../../runtime/tensorflow';

export interface ModuleConvolution {
  readonly inputs: number;
  readonly outputs: number;
  readonly kernel: Pair;
  readonly stride?: number;
  readonly padding?: number;
  readonly bias?: boolean;
}

/** PyTorch's default for convolutions and their biases: uniform within 1 / sqrt(fan-in). */
const convolutionDefault = (fanIn: number): Initialiser => uniform(1 / Math.sqrt(fanIn));

function withBias(
  scope: Scope,
  { outputs, bias = true }: ModuleConvolution,
  initialise: Initialiser,
  convolve: (x: Tensor4D) => Tensor4D,
): (x: Tensor4D) => Tensor4D {
  if (!bias) return convolve;
  const offset = scope.weight('bias', [outputs], initialise);
  return (x) => addBias(convolve(x), offset);
}

/** PyTorch's Conv2d with its default initialisation and bias. `weight` is [kh, kw, in, out]. */
export function moduleConvolution(scope: Scope, shape: ModuleConvolution): (x: Tensor4D) => Tensor4D {
  const { inputs, outputs, kernel, stride, padding } = shape;
  const [height, width] = pair(kernel);
  const initialise = convolutionDefault(inputs * height * width);
  const filter = scope.weight('weight', [height, width, inputs, outputs], initialise) as Tensor as Tensor4D;
  return withBias(scope, shape, initialise, (x) => conv2d(x, filter, { stride, padding }));
}

/** PyTorch's ConvTranspose2d with its default initialisation and bias. `weight` is [kh, kw, out, in]. */
export function moduleTransposedConvolution(scope: Scope, shape: ModuleConvolution): (x: Tensor4D) => Tensor4D {
  const { inputs, outputs, kernel, stride, padding } = shape;
  const [height, width] = pair(kernel);
  // PyTorch computes the fan-in from the second axis of [in, out, kh, kw].
  const initialise = convolutionDefault(outputs * height * width);
  const filter = scope.weight('weight', [height, width, outputs, inputs], initialise) as Tensor as Tensor4D;
  return withBias(scope, shape, initialise, (x) => transposedConv2d(x, filter, { stride, padding }));
}
