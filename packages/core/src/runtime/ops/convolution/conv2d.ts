import { attr, execute, hasKernel, shapeTensor } from '../../binding';
import { type Tensor4D, tf } from '../../tensorflow';
import { withGradient } from '../../with-gradient';
import { dilated } from './dilated';
import { filterConvolution, filterGradientKernel, filterWindow, kernelFilterGradient } from './filter-convolution';
import { packedConv2d, packedTrains } from './packed';
import { padded, type WindowOptions } from './window';
import { winogradAlgorithm, winogradConv2d } from './winograd';

const plainConv2d = filterConvolution('Conv2D', 'Conv2DBackpropInput', 'Conv2DBackpropFilter', kernelFilterGradient);

/** Every n-th pixel of every m-th row, for strides [m, n]. */
export function subsample(x: Tensor4D, stride: readonly [number, number]): Tensor4D {
  const own = [
    attr.type('T', 'float32'),
    attr.type('Index', 'int32'),
    attr.int('begin_mask', 15),
    attr.int('end_mask', 15),
    attr.int('ellipsis_mask', 0),
    attr.int('new_axis_mask', 0),
    attr.int('shrink_axis_mask', 0),
  ];
  // The masks select everything, so begin and end only have to be there.
  const slice = () => [tf.zeros([4], 'int32'), tf.zeros([4], 'int32'), shapeTensor([1, ...stride, 1])];
  return withGradient(
    [x],
    (input) => ({ value: execute('StridedSlice', own, [input, ...slice()]) }),
    (dy) => execute('StridedSliceGrad', own, [shapeTensor(x.shape), ...slice(), dy]),
  );
}

/**
 * Convolution of x [batch, h, w, in] with filter [kh, kw, in, out], PyTorch's `conv2d` without bias
 * (`addBias` adds one).
 * @throws Error when the channels do not fit or the filter is larger than the padded image
 */
export function conv2d(x: Tensor4D, filter: Tensor4D, options: WindowOptions = {}): Tensor4D {
  if (x.shape[3] !== filter.shape[2]) {
    throw new Error(`conv2d: the filter takes ${filter.shape[2]} channels, the image has ${x.shape[3]}.`);
  }
  const window = filterWindow('conv2d', x, filter, options);
  const algorithm = winogradAlgorithm(x, filter, options);
  if (algorithm) return winogradConv2d(x, filter, algorithm);
  if (packedTrains(x, filter, options)) return packedConv2d(x, filter, options);
  const stride = [window[0].stride, window[1].stride] as const;
  const strided = stride.some((step) => step > 1);
  // Dilation with a stride is rare, and so are other strides in rows than in columns: all pixels are computed, and those that the
  // stride skips are dropped.
  const dense = { ...options, stride: 1 };
  if (window.some(({ dilation }) => dilation > 1)) {
    const all = dilated(x, filterWindow('conv2d', x, filter, dense), (phases) => plainConv2d(phases, filter));
    return strided ? subsample(all, stride) : all;
  }
  // TensorFlow 2.21 (oneDNN) gives other numbers than the convolution's for several images of one channel, a stride of 1 in rows
  // and a larger one in columns, where the result has one column.
  if (x.shape[3] === 1 && stride[0] !== stride[1]) return subsample(plainConv2d(x, filter, dense), stride);
  // TensorFlow 2.21's filter gradient of a strided 1x1 convolution with few channels writes beyond its memory (seen with oneDNN
  // on AVX-512: 8 channels, 48x48, stride 2). Where it would be used, the strided pixels are selected first.
  if (filter.shape[0] === 1 && filter.shape[1] === 1 && strided && !hasKernel(filterGradientKernel)) {
    return plainConv2d(subsample(padded(x, window), stride), filter);
  }
  return plainConv2d(x, filter, options);
}
