import { uniform } from '../../nn/initialisers';
import type { Initialiser, Scope } from '../../nn/scope';
import { conv2d } from '../../runtime/ops/convolution/conv2d';
import { transposedConv2d } from '../../runtime/ops/convolution/transposed';
import { type Pair, pair } from '../../runtime/ops/convolution/window';
import { addBias } from '../../runtime/ops/linear';
import type { Tensor, Tensor4D } from '../../runtime/tensorflow';

export interface PartConvolution {
  readonly inputs: number;
  readonly outputs: number;
  readonly kernel: Pair;
  readonly stride?: number;
  readonly padding?: number;
  readonly bias?: boolean;
}

/** PyTorch's default for convolutions and their biases: uniform within 1 / sqrt(what an output sees). */
const convolutionDefault = (fanIn: number): Initialiser => uniform(1 / Math.sqrt(fanIn));

function withBias(
  scope: Scope,
  { outputs, bias = true }: PartConvolution,
  initialise: Initialiser,
  convolve: (x: Tensor4D) => Tensor4D,
): (x: Tensor4D) => Tensor4D {
  if (!bias) return convolve;
  const offset = scope.weight('bias', [outputs], initialise);
  return (x) => addBias(convolve(x), offset);
}

/** PyTorch's Conv2d as it comes, with bias: the convolutions of learned parts. `weight` is [kh, kw, in, out]. */
export function partConvolution(scope: Scope, shape: PartConvolution): (x: Tensor4D) => Tensor4D {
  const { inputs, outputs, kernel, stride, padding } = shape;
  const [height, width] = pair(kernel);
  const initialise = convolutionDefault(inputs * height * width);
  const filter = scope.weight('weight', [height, width, inputs, outputs], initialise) as Tensor as Tensor4D;
  return withBias(scope, shape, initialise, (x) => conv2d(x, filter, { stride, padding }));
}

/** PyTorch's ConvTranspose2d as it comes, with bias. `weight` is [kh, kw, out, in]. */
export function partTransposedConvolution(scope: Scope, shape: PartConvolution): (x: Tensor4D) => Tensor4D {
  const { inputs, outputs, kernel, stride, padding } = shape;
  const [height, width] = pair(kernel);
  // PyTorch takes the second axis of [in, out, kh, kw] for the inputs.
  const initialise = convolutionDefault(outputs * height * width);
  const filter = scope.weight('weight', [height, width, outputs, inputs], initialise) as Tensor as Tensor4D;
  return withBias(scope, shape, initialise, (x) => transposedConv2d(x, filter, { stride, padding }));
}
