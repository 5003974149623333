/**
 * 3x3 convolutions at stride 1 and padding 1 by Winograd's algorithm, in kernels of this package for the CPU
 * (packages/core/native/winograd.h). F(2x2, 3x3) takes 2.25 times fewer multiplications than a sum of products, F(4x4, 3x3)
 * 4 times. The filter's gradient is always by F(2x2, 3x3). Root mean square errors of the value and of the input's gradient
 * against float64, over those of TensorFlow's Conv2D, 32 to 256 channels: 0.6 to 0.8 in tiles of 2, 2.0 to 2.6 in tiles of 4.
 */
import { attr, execute, hasKernel } from '../../binding';
import type { Tensor4D } from '../../tensorflow';
import { withGradient } from '../../with-gradient';
import { type Epilogue, epilogueInputs } from './fused-epilogue';
import { pair, type WindowOptions } from './window';

const kernels = ['', 'Filter', 'Fused', 'GradInput', 'GradFilter'].map((suffix) => `HeadshareConv3x3${suffix}`);

/** The fewest channels on either side, and tiles of 2x2 outputs, for which the kernels were measured to be faster. */
const fewest = { channels: 16, tiles: 16 };

/**
 * True when the kernels are available, can compute this convolution, and are faster than TensorFlow's Conv2D. Measured on
 * one thread of an AMD EPYC with AVX-512, batches of 64: value and both gradients together are 2.2 to 2.6 times as fast
 * with 16 to 256 channels at 32x32 to 8x8, the value alone 1.7 times with 64 or more channels and 1.07 times with 16. With 8
 * channels, at 1x1 or with a handful of tiles the value takes twice as long as TensorFlow's: transforming the filter then
 * takes most of the time.
 */
export function winogradServes(x: Tensor4D, filter: Tensor4D, options: WindowOptions = {}): boolean {
  const { stride = 1, padding = 0, dilation = 1 } = options;
  const [rows, columns, channels, outputs] = filter.shape;
  const [batch, height, width] = x.shape;
  return (
    rows === 3 &&
    columns === 3 &&
    [...pair(stride), ...pair(padding), ...pair(dilation)].every((pixels) => pixels === 1) &&
    Math.min(channels, outputs) >= fewest.channels &&
    Math.min(height, width) >= 2 &&
    batch * Math.ceil(height / 2) * Math.ceil(width / 2) >= fewest.tiles &&
    kernels.every(hasKernel)
  );
}

/** Outputs in each direction of a tile: F(2x2, 3x3) or F(4x4, 3x3). */
export type Tile = 2 | 4;

/**
 * The tile that evaluates x faster. Measured on two threads of an Intel Xeon with AVX-512, 16 to 512 channels: with 64 images,
 * tiles of 4 are 1.2 to 1.5 times as fast, with one image of 32x32 or more 1.0 to 1.5 times. Fewer tiles do not make up for
 * reading a filter of 36 matrices instead of 16.
 */
function fasterTile({ shape: [batch, height, width] }: Tensor4D): Tile {
  return Math.min(height, width) >= 4 && batch * Math.ceil(height / 4) * Math.ceil(width / 4) >= 64 ? 4 : 2;
}

/**
 * Convolution of x [batch, h, w, in] with filter [3, 3, in, out] at stride 1 with one zero on every side.
 * Where x is not finite, outputs up to four pixels away may be NaN, even if their window does not contain the pixel.
 * @returns [batch, h, w, out]
 */
export function winogradConv2d(x: Tensor4D, filter: Tensor4D, tile = fasterTile(x)): Tensor4D {
  const outputs = attr.int('outputs', tile);
  return withGradient(
    [x, filter],
    (input, weights) => ({ value: execute('HeadshareConv3x3', [outputs], [input, weights]), saved: [input, weights] }),
    (dy, input, weights) => [
      execute('HeadshareConv3x3GradInput', [outputs], [dy, weights]),
      execute('HeadshareConv3x3GradFilter', [], [dy, input, weights]),
    ],
  );
}

/**
 * activation(winogradConv2d(x, filter) + bias + residual) in one pass, for evaluation: it has no gradient. A separate
 * operation transforms the filter; a compiled step that never changes the weights runs it once.
 */
export function winogradInference(x: Tensor4D, filter: Tensor4D, epilogue: Epilogue, tile = fasterTile(x)): Tensor4D {
  const { activation, inputs } = epilogueInputs('HeadshareConv3x3Fused', filter.shape[3], epilogue);
  const transformed = execute('HeadshareConv3x3Filter', [attr.int('outputs', tile)], [filter]);
  return execute('HeadshareConv3x3Fused', [activation], [x, transformed, ...inputs]) as Tensor4D;
}
