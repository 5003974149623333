import { attr, execute } from '../binding';
import { type Tensor, type Tensor4D, tf } from '../tensorflow';
import { type ConvolutionOptions, convolutionOf, sizes } from './convolution-of';
import { winogradConv2d, winogradServes } from './winograd-convolution';

const plainConv2d = convolutionOf('Conv2D', 'Conv2DBackpropInput', 'Conv2DBackpropFilter');

/** Every `stride`th pixel of every `stride`th row. */
function subsample(x: Tensor4D, stride: number): Tensor4D {
  const own = [
    attr.type('T', 'float32'),
    attr.type('Index', 'int32'),
    attr.int('begin_mask', 15),
    attr.int('end_mask', 15),
    attr.int('ellipsis_mask', 0),
    attr.int('new_axis_mask', 0),
    attr.int('shrink_axis_mask', 0),
  ];
  // The masks say "all of it", so begin and end only have to be there.
  const slice = () => [tf.zeros([4], 'int32'), tf.zeros([4], 'int32'), tf.tensor1d([1, stride, stride, 1], 'int32')];
  const run = tf.customGrad((...args) => {
    const [input] = args as unknown as [Tensor];
    return {
      value: execute('StridedSlice', own, [input, ...slice()]),
      gradFunc: (dy: Tensor) => execute('StridedSliceGrad', own, [sizes(input), ...slice(), dy]),
    };
  });
  return run(x) as Tensor4D;
}

/** Convolution of x [batch, h, w, in] with filter [kh, kw, in, out]; padding as PyTorch's. */
export function conv2d(x: Tensor4D, filter: Tensor4D, options: ConvolutionOptions = {}): Tensor4D {
  const { stride = 1, padding = 0 } = options;
  if (winogradServes(x, filter, options)) return winogradConv2d(x, filter);
  // TensorFlow 2.21's filter gradient of a strided 1x1 convolution with few channels writes beyond its memory (seen
  // with oneDNN on AVX-512: 8 channels, 48x48, stride 2), so the pixels that count are taken out first.
  if (filter.shape[0] === 1 && filter.shape[1] === 1 && stride > 1 && padding === 0) {
    return plainConv2d(subsample(x, stride), filter);
  }
  return plainConv2d(x, filter, options);
}
