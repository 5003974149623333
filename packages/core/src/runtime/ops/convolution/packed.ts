/** Convolutions for evaluation, as matrix products by a kernel of this package (packages/core/native/packed-convolution.cc). */
import { attr, execute, hasKernel } from '../../binding';
import { type Tensor4D, tf } from '../../tensorflow';
import { filterWindow } from './filter-convolution';
import { type Epilogue, epilogueInputs } from './fused-epilogue';
import type { WindowOptions } from './window';

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
  const [rows, columns] = filterWindow('conv2d', x, filter, options);
  const { activation, inputs } = epilogueInputs('HeadshareConvFused', filter, epilogue);
  const attrs = [
    activation,
    attr.int('kernel_rows', rows.kernel),
    attr.int('kernel_columns', columns.kernel),
    attr.int('row_stride', rows.stride),
    attr.int('column_stride', columns.stride),
    attr.int('top', rows.before),
    attr.int('left', columns.before),
  ];
  const packed = execute('HeadshareConvFilter', [], [filter]);
  const size = tf.zeros([rows.output, columns.output, 0]);
  return execute('HeadshareConvFused', attrs, [x, packed, ...inputs, size]) as Tensor4D;
}
