import { attr, execute, executeAll, hasKernel } from '../../binding';
import { type Tensor, type Tensor4D, tf } from '../../tensorflow';
import { convolutionOf, filterWindow } from './filter-convolution';

export interface DepthwiseOptions {
  readonly stride?: number;
  /** Zeros on every side, as PyTorch counts them ('same' at stride 2 is something else). */
  readonly padding?: number;
}

const forward = 'DepthwiseConv2dNative';

/** Depthwise convolution of TensorFlow's own operations, for any device; filter [kh, kw, c, each] gives c * each channels. */
export const opsDepthwiseConv2d = convolutionOf(
  forward,
  'DepthwiseConv2dNativeBackpropInput',
  'DepthwiseConv2dNativeBackpropFilter',
);

/**
 * One filter a channel: x [batch, h, w, c], filter [kh, kw, c, 1]; padding as PyTorch's. On the CPU by kernels of our own
 * (packages/core/native/depthwise.cc). Measured on two busy AVX-512 cores with MobileFaceNet's shapes in batches of 32:
 * forwards 1.3 to 3 times as fast as TensorFlow's operations (on one thread 1 to 2.5), both gradients 3 to 10 times. Other
 * filters (1x1, 5x5, 7x7), channels (1 to 100) and single images that were tried gain too; only forwards at stride 3
 * TensorFlow is level or ahead by a fifth, which the gradients more than make up for.
 */
export function depthwiseConv2d(x: Tensor4D, filter: Tensor4D, options: DepthwiseOptions = {}): Tensor4D {
  const { stride = 1, padding = 0 } = options;
  const [rows, columns] = filterWindow(forward, x, filter, options);
  const fits = filter.shape[2] === x.shape[3] && filter.shape[3] === 1;
  return fits && hasKernel('HeadshareDepthwise') && hasKernel('HeadshareDepthwiseGrad')
    ? kernelDepthwiseConv2d(x, filter, stride, padding, [rows.output, columns.output])
    : opsDepthwiseConv2d(x, filter, options);
}

function kernelDepthwiseConv2d(
  x: Tensor4D,
  filter: Tensor4D,
  stride: number,
  padding: number,
  size: readonly [number, number],
): Tensor4D {
  const own = [attr.int('stride', stride), attr.int('padding', padding)];
  const run = tf.customGrad((...args) => {
    const [input, weights, save] = args as unknown as [Tensor, Tensor, (saved: Tensor[]) => void];
    save([input, weights]);
    return {
      value: execute('HeadshareDepthwise', own, [input, weights, tf.zeros([...size, 0])]),
      gradFunc: (dy: Tensor, saved: Tensor[]) => executeAll('HeadshareDepthwiseGrad', own, [dy, ...saved], 2),
    };
  });
  return run(x, filter) as Tensor4D;
}
