/**
 * 3x3 convolutions at stride 1 or 2 and padding 1 by Winograd's algorithm, in kernels of this package for the CPU
 * (packages/core/native/winograd.h). At stride 1, tiles of 2x2 outputs take 2.25 times fewer multiplications than a sum of
 * products, tiles of 4x4 outputs 4 times; at stride 2 it is 1.8 times, and the filter's gradient is a sum of products. Root
 * mean square errors against float64, over those of TensorFlow's Conv2D, 32 to 256 channels: of the value and of the input's
 * gradient 0.6 to 0.8 in tiles of 2 and 2.0 to 2.6 in tiles of 4; at stride 2, 0.8 to 1.0 of the value and 1.5 to 1.9 of the
 * gradient; of the filter's gradient for 64 images 0.1 to 0.7 in tiles of 2 and 0.3 to 1.8 in tiles of 4, for 8 images of
 * 16x16 pixels up to 1.6 and 4.0.
 */
import { attr, execute, hasKernel } from '../../binding';
import { type Tensor, type Tensor4D, tf } from '../../tensorflow';
import { withGradient } from '../../with-gradient';
import { filterGradientKernel, kernelFilterGradient } from './filter-convolution';
import { type Epilogue, epilogueInputs } from './fused-epilogue';
import { pair, type WindowOptions } from './window';

const kernels = ['', 'Filter', 'Fused', 'GradInput', 'GradFilter'].map((suffix) => `HeadshareConv3x3${suffix}`);

/** The fewest channels on either side, and tiles of 2x2 outputs, for which the kernels were measured to be faster. */
const fewest = { channels: 16, tiles: 16 };

/**
 * At stride 2, the fewest tiles of 4x4 outputs; the most values of a filter for each tile; and by how much the sum of
 * products must exceed the 81 multiplications of a tile, which it does not where most of the tile lies beyond the image.
 */
const strided = { tiles: 32, valuesPerTile: 9 * 512, saving: 4 / 3 };

/** Tiles of 2x2 or 4x4 outputs at stride 1, or of 4x4 outputs at stride 2. */
export type Algorithm = 'tiles2' | 'tiles4' | 'strided';

/**
 * The algorithm, where the kernels are available, can compute this convolution, and are faster than TensorFlow's Conv2D.
 * Measured on one thread of an AMD EPYC with AVX-512, batches of 64 at stride 1: value and both gradients together are 2.2
 * to 2.6 times as fast with 16 to 256 channels at 32x32 to 8x8, the value alone 1.7 times with 64 or more channels and 1.07
 * times with 16. With 8 channels, at 1x1 or with a handful of tiles the value takes twice as long as TensorFlow's:
 * transforming the filter then takes most of the time. At stride 2, measured on two threads of an Intel Xeon with AVX-512,
 * the value is 1.1 to 1.8 times as fast as TensorFlow's and 1.2 to 1.6 times as `packedInference`; with less of the tiles
 * filled, or for few tiles beside the size of the filter, it takes up to twice as long.
 */
export function winogradAlgorithm(x: Tensor4D, filter: Tensor4D, options: WindowOptions = {}): Algorithm | undefined {
  const { stride = 1, padding = 0, dilation = 1 } = options;
  const [rows, columns, channels, outputs] = filter.shape;
  const [batch, height, width] = x.shape;
  const strides = pair(stride);
  /** Squares of so many pixels that cover the images. */
  const squares = (size: number) => batch * Math.ceil(height / size) * Math.ceil(width / size);
  if (
    rows !== 3 ||
    columns !== 3 ||
    [...pair(padding), ...pair(dilation)].some((pixels) => pixels !== 1) ||
    Math.min(channels, outputs) < fewest.channels ||
    ![...kernels, filterGradientKernel].every(hasKernel)
  ) {
    return undefined;
  }
  if (strides.every((step) => step === 2)) {
    const tiles = squares(8);
    const saves = 9 * squares(2) >= strided.saving * 81 * tiles;
    return saves && tiles >= strided.tiles && filter.size <= strided.valuesPerTile * tiles ? 'strided' : undefined;
  }
  if (strides.some((step) => step !== 1) || Math.min(height, width) < 2 || squares(2) < fewest.tiles) return undefined;
  // Measured on two threads of an Intel Xeon with AVX-512, 16 to 512 channels: with 64 images, tiles of 4 are 1.2 to 1.5
  // times as fast, with one image of 32x32 or more 1.0 to 1.5 times. Fewer tiles do not make up for reading a filter of 36
  // matrices instead of 16.
  return Math.min(height, width) >= 4 && squares(4) >= 64 ? 'tiles4' : 'tiles2';
}

const attribute = (algorithm: Algorithm) => attr.string('algorithm', algorithm);

/** An image's size as the kernels take it: the shape of a tensor without values. */
const size = (height: number, width: number): Tensor => tf.zeros([height, width, 0]);

const outputSize = ({ shape: [, height, width] }: Tensor4D, algorithm: Algorithm): Tensor =>
  algorithm === 'strided' ? size(Math.ceil(height / 2), Math.ceil(width / 2)) : size(height, width);

/**
 * Convolution of x [batch, h, w, in] with filter [3, 3, in, out] with one zero on every side.
 * Where x is not finite, outputs up to four pixels away may be NaN, even if their window does not contain the pixel.
 * @returns [batch, h, w, out], strided [batch, h / 2, w / 2, out], rounded up
 */
export function winogradConv2d(x: Tensor4D, filter: Tensor4D, algorithm: Algorithm): Tensor4D {
  const own = [attribute(algorithm)];
  const [, height, width] = x.shape;
  return withGradient(
    [x, filter],
    (input, weights) => ({
      value: execute('HeadshareConv3x3', own, [input, weights, outputSize(x, algorithm)]),
      saved: [input, weights],
    }),
    (dy, input, weights) => [
      execute('HeadshareConv3x3GradInput', own, [dy, weights, size(height, width)]),
      algorithm === 'strided'
        ? kernelFilterGradient(input, weights, dy, { stride: [2, 2], before: [1, 1] })
        : execute('HeadshareConv3x3GradFilter', own, [dy, input, weights]),
    ],
  );
}

/**
 * activation(winogradConv2d(x, filter) + bias + residual) in one pass, for evaluation: it has no gradient. A separate
 * operation transforms the filter; a compiled step that never changes the weights runs it once.
 */
export function winogradInference(x: Tensor4D, filter: Tensor4D, epilogue: Epilogue, algorithm: Algorithm): Tensor4D {
  const { activation, inputs } = epilogueInputs('HeadshareConv3x3Fused', filter.shape[3], epilogue);
  const own = attribute(algorithm);
  const transformed = execute('HeadshareConv3x3Filter', [own], [filter]);
  const tensors = [x, transformed, ...inputs, outputSize(x, algorithm)];
  return execute('HeadshareConv3x3Fused', [own, activation], tensors) as Tensor4D;
}
