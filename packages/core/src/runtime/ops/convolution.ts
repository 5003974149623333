import { type Attr, attr, execute } from '../binding';
import { type Tensor, type Tensor4D, tf } from '../tensorflow';

export interface ConvolutionOptions {
  readonly stride?: number;
  /** Zeros on every side, as PyTorch counts them ('same' at stride 2 is something else). */
  readonly padding?: number;
}

function attrs({ stride = 1, padding = 0 }: ConvolutionOptions): Attr[] {
  return [
    attr.type('T', 'float32'),
    attr.ints('strides', [1, stride, stride, 1]),
    attr.string('padding', padding === 0 ? 'VALID' : 'EXPLICIT'),
    attr.ints('explicit_paddings', padding === 0 ? [] : [0, 0, padding, padding, padding, padding, 0, 0]),
    attr.string('data_format', 'NHWC'),
    attr.ints('dilations', [1, 1, 1, 1]),
  ];
}

const sizes = (tensor: Tensor): Tensor => tf.tensor1d(tensor.shape, 'int32');

function convolution(forward: string, toInput: string, toFilter: string) {
  return (x: Tensor4D, filter: Tensor4D, options: ConvolutionOptions = {}): Tensor4D => {
    const own = attrs(options);
    const run = tf.customGrad((...args) => {
      const [input, weights, save] = args as unknown as [Tensor, Tensor, (saved: Tensor[]) => void];
      save([input, weights]);
      return {
        value: execute(forward, own, [input, weights]),
        gradFunc: (dy: Tensor, saved: Tensor[]) => {
          const [a, w] = saved as [Tensor, Tensor];
          return [execute(toInput, own, [sizes(a), w, dy]), execute(toFilter, own, [a, sizes(w), dy])];
        },
      };
    });
    return run(x, filter) as Tensor4D;
  };
}

const plainConv2d = convolution('Conv2D', 'Conv2DBackpropInput', 'Conv2DBackpropFilter');

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
  // TensorFlow 2.21's filter gradient of a strided 1x1 convolution with few channels writes beyond its memory (seen
  // with oneDNN on AVX-512: 8 channels, 48x48, stride 2), so the pixels that count are taken out first.
  if (filter.shape[0] === 1 && filter.shape[1] === 1 && stride > 1 && padding === 0) {
    return plainConv2d(subsample(x, stride), filter);
  }
  return plainConv2d(x, filter, options);
}

/** One filter a channel: x [batch, h, w, c], filter [kh, kw, c, 1]; padding as PyTorch's. */
export const depthwiseConv2d = convolution(
  'DepthwiseConv2dNative',
  'DepthwiseConv2dNativeBackpropInput',
  'DepthwiseConv2dNativeBackpropFilter',
);

/**
 * Convolution in groups of channels: x [batch, h, w, in], filter [kh, kw, in / groups, out]; padding as PyTorch's.
 * TensorFlow has no gradients of grouped convolutions on the CPU, so each channel is filtered alone and the results
 * are added up within their group.
 */
export function groupedConv2d(x: Tensor4D, filter: Tensor4D, groups: number, options?: ConvolutionOptions): Tensor4D {
  const [height, width, inputs, outputs] = filter.shape;
  const each = outputs / groups;
  const byGroup = tf.transpose(tf.reshape(filter, [height, width, inputs, groups, each]), [0, 1, 3, 2, 4]);
  const y = depthwiseConv2d(x, tf.reshape(byGroup, [height, width, groups * inputs, each]), options);
  const [batch, rows, columns] = y.shape;
  const parts = tf.reshape(y, [batch, rows, columns, groups, inputs, each]);
  return tf.reshape(tf.sum(parts, 4), [batch, rows, columns, outputs]);
}
