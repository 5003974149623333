/** Convolutions as matrix products by a kernel of this package (packages/core/native/packed-convolution.cc). */
import { attr, execute, hasKernel } from '../../binding';
import { type Tensor, type Tensor1D, type Tensor4D, tf } from '../../tensorflow';
import { withGradient } from '../../with-gradient';
import { filterGradientKernel, filterWindow, kernelFilterGradient } from './filter-convolution';
import { type Epilogue, epilogueInputs } from './fused-epilogue';
import type { Window, WindowOptions } from './window';

const kernels = ['HeadshareConvFilter', 'HeadshareConvFused'];

/** True when the kernels are available and can compute this convolution. */
export function packedServes(x: Tensor4D, filter: Tensor4D, options: WindowOptions): boolean {
  const window = filterWindow('conv2d', x, filter, options);
  return window.every(({ dilation }) => dilation === 1) && kernels.every(hasKernel);
}

/**
 * activation(conv2d(x, filter) + bias + residual) in one pass, for evaluation: it has no gradient. A separate
 * operation packs the filter; a compiled step that never changes the weights runs it once.
 */
export function packedInference(x: Tensor4D, filter: Tensor4D, options: WindowOptions, epilogue: Epilogue): Tensor4D {
  const window = filterWindow('conv2d', x, filter, options);
  return convolve('HeadshareConvFused', x, pack(filter, false), window, epilogue, filter.shape[3]);
}

/**
 * The most multiply-adds for which training uses these kernels. TensorFlow splits even convolutions of 20 us over its threads,
 * which takes longer than it saves: with two threads, 1x1 convolutions of 4 to 9 million multiply-adds took 1.3 to 2.4 times as
 * long as here, those of 70 million 0.8 times. One thread is as fast either way. The rule must not depend on the threads, so
 * that bits do not.
 */
const most = 16e6;

/** True when training computes this convolution faster by `packedConv2d` than by TensorFlow. */
export function packedTrains(x: Tensor4D, filter: Tensor4D, options: WindowOptions): boolean {
  const [rows, columns] = filterWindow('conv2d', x, filter, options);
  return (
    x.shape[0] * rows.output * columns.output * filter.size <= most &&
    [rows, columns].every(
      ({ stride, dilation, before, kernel }) => stride === 1 && dilation === 1 && before < kernel,
    ) &&
    [...kernels, 'HeadshareConvGradInput', filterGradientKernel].every(hasKernel)
  );
}

/** The convolution of x [batch, h, w, in] with filter [kh, kw, in, out] at stride 1, with gradients. */
export function packedConv2d(x: Tensor4D, filter: Tensor4D, options: WindowOptions): Tensor4D {
  const window = filterWindow('conv2d', x, filter, options);
  const [, , inputs, outputs] = filter.shape;
  const before = [window[0].before, window[1].before] as const;
  // The gradient of the input is a convolution too, of dy with the rotated filter.
  const back = window.map((axis) => ({ ...axis, before: axis.kernel - 1 - axis.before, output: axis.size }));
  return withGradient(
    [x, filter],
    (input, weights) => ({
      value: convolve('HeadshareConvFused', input, pack(weights, false), window, zeroBias(outputs), outputs),
      saved: [input, weights],
    }),
    (dy, input, weights) => [
      convolve('HeadshareConvGradInput', dy, pack(weights, true), back as unknown as Window, zeroBias(inputs), inputs),
      kernelFilterGradient(input, weights, dy, { stride: [1, 1], before }),
    ],
  );
}

const zeroBias = (channels: number): Epilogue => ({ bias: tf.zeros([channels]) as Tensor1D });

const pack = (filter: Tensor, rotated: boolean): Tensor =>
  execute('HeadshareConvFilter', [attr.int('rotated', Number(rotated))], [filter]);

function convolve(
  op: 'HeadshareConvFused' | 'HeadshareConvGradInput',
  x: Tensor,
  packed: Tensor,
  [rows, columns]: Window,
  epilogue: Epilogue,
  outputs: number,
): Tensor4D {
  const { activation, inputs } = epilogueInputs(op, outputs, epilogue);
  const attrs = [
    activation,
    attr.int('kernel_rows', rows.kernel),
    attr.int('kernel_columns', columns.kernel),
    attr.int('row_stride', rows.stride),
    attr.int('column_stride', columns.stride),
    attr.int('top', rows.before),
    attr.int('left', columns.before),
  ];
  const size = tf.zeros([rows.output, columns.output, 0]);
  return execute(op, attrs, [x, packed, ...inputs, size]) as Tensor4D;
}
