import { attr, execute } from '../../binding';
import { type Tensor, type Tensor4D, tf } from '../../tensorflow';
import { pair, type WindowOptions, windowOver } from './window';

/**
 * The transpose of a convolution, by the operations that are its gradients: x [batch, h, w, in] with filter
 * [kh, kw, out, in], PyTorch's `conv_transpose2d` without bias (whose filter is [in, out, kh, kw]). A side of n pixels
 * becomes one of (n - 1) stride - 2 padding + kernel.
 * @throws Error when the channels do not fit, the kernel is smaller than the stride, or there is dilation
 */
export function transposedConv2d(x: Tensor4D, filter: Tensor4D, options: WindowOptions = {}): Tensor4D {
  const [batch, rows, columns, channels] = x.shape;
  const [height, width, outputs, inputs] = filter.shape;
  if (channels !== inputs) {
    throw new Error(`transposedConv2d: the filter takes ${inputs} channels, the image has ${channels}.`);
  }
  const [stride, padding] = [pair(options.stride ?? 1), pair(options.padding ?? 0)];
  if (options.dilation !== undefined && pair(options.dilation).some((step) => step !== 1)) {
    throw new Error('transposedConv2d: there is none with dilation.');
  }
  // TensorFlow's filter gradient of a strided 1x1 convolution writes beyond its memory (see convolution.ts), and no
  // network has a transposed one that leaves pixels out.
  if (height < stride[0] || width < stride[1]) {
    throw new Error(`transposedConv2d: a kernel of ${height}x${width} is smaller than the stride ${stride}.`);
  }
  // Nothing is cut off the whole image here, which every window fits into: VALID.
  const whole = [(rows - 1) * stride[0] + height, (columns - 1) * stride[1] + width] as const;
  windowOver('transposedConv2d', whole, [height, width], { stride });
  const own = [
    attr.type('T', 'float32'),
    attr.ints('strides', [1, ...stride, 1]),
    attr.string('padding', 'VALID'),
    attr.ints('explicit_paddings', []),
    attr.string('data_format', 'NHWC'),
    attr.ints('dilations', [1, 1, 1, 1]),
  ];
  const size = (shape: readonly number[]) => tf.tensor1d([...shape], 'int32');
  const run = tf.customGrad((...args) => {
    const [input, weights, save] = args as unknown as [Tensor, Tensor, (saved: Tensor[]) => void];
    save([input, weights]);
    return {
      value: execute('Conv2DBackpropInput', own, [size([batch, ...whole, outputs]), weights, input]),
      gradFunc: (dy: Tensor, saved: Tensor[]) => {
        const [a, w] = saved as [Tensor, Tensor];
        return [execute('Conv2D', own, [dy, w]), execute('Conv2DBackpropFilter', own, [dy, size(filter.shape), a])];
      },
    };
  });
  const y = run(x, filter) as Tensor4D;
  if (padding[0] === 0 && padding[1] === 0) return y;
  const [least, most] = [whole[0] - 2 * padding[0], whole[1] - 2 * padding[1]];
  if (least < 1 || most < 1) throw new Error(`transposedConv2d: the padding ${padding} leaves nothing of ${whole}.`);
  return tf.slice(y, [0, ...padding, 0], [batch, least, most, outputs]);
}
