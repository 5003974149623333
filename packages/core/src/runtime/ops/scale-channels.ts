import { execute, hasKernel } from '../binding';
import { type Tensor, type Tensor4D, tf } from '../tensorflow';
import { withGradient } from '../with-gradient';

/**
 * x [batch, h, w, c] times one factor for each image and channel, factors [batch, 1, 1, c]. On the CPU by a kernel of this
 * package (packages/core/native/channels.cc), with the bits of TensorFlow's operations.
 */
export function scaleChannels(x: Tensor4D, factors: Tensor4D): Tensor4D {
  const kernel = 'HeadshareScaleChannels';
  if (!hasKernel(kernel)) return tf.mul(x, factors);
  return withGradient(
    [x, factors],
    (input, by) => ({ value: execute(kernel, [], [input, by]) as Tensor4D, saved: [input, by] }),
    (dy: Tensor, input: Tensor, by: Tensor) => [execute(kernel, [], [dy, by]), tf.sum(tf.mul(dy, input), [1, 2], true)],
  );
}
