import { execute, hasKernel, shapeTensor } from '../../binding';
import { type Tensor4D, tf } from '../../tensorflow';
import { withGradient } from '../../with-gradient';
import { conv2d } from './conv2d';
import { convolutionAttrs, filterGradientKernel, kernelFilterGradient } from './filter-convolution';
import { pair, type WindowOptions, windowOver } from './window';

/**
 * The transpose of a convolution, computed by the operations of a convolution's gradients: x [batch, h, w, in] with filter
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
    throw new Error('transposedConv2d: dilation is not supported.');
  }
  // TensorFlow's filter gradient of a strided 1x1 convolution writes beyond its memory (see conv2d.ts), and no network
  // has a transposed convolution that skips pixels.
  if (height < stride[0] || width < stride[1]) {
    throw new Error(`transposedConv2d: a kernel of ${height}x${width} is smaller than the stride ${stride}.`);
  }
  const whole = [(rows - 1) * stride[0] + height, (columns - 1) * stride[1] + width] as const;
  windowOver('transposedConv2d', whole, [height, width], { stride });
  // Every window fits into the whole image: VALID.
  const own = convolutionAttrs(stride, 'VALID');
  const y: Tensor4D = withGradient(
    [x, filter],
    (input, weights) => ({
      value: execute('Conv2DBackpropInput', own, [shapeTensor([batch, ...whole, outputs]), weights, input]),
      saved: [input, weights],
    }),
    (dy, input, weights) => [
      conv2d(dy as Tensor4D, weights as Tensor4D, { stride }),
      hasKernel(filterGradientKernel)
        ? kernelFilterGradient(dy, weights, input, { stride, before: [0, 0] })
        : execute('Conv2DBackpropFilter', own, [dy, shapeTensor(filter.shape), input]),
    ],
  );
  if (padding[0] === 0 && padding[1] === 0) return y;
  const [least, most] = [whole[0] - 2 * padding[0], whole[1] - 2 * padding[1]];
  if (least < 1 || most < 1) throw new Error(`transposedConv2d: the padding ${padding} leaves nothing of ${whole}.`);
  return tf.slice(y, [0, ...padding, 0], [batch, least, most, outputs]);
}
