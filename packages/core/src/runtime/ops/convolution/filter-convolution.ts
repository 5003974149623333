import { attr, execute } from '../../binding';
import { type Tensor, type Tensor4D, tf } from '../../tensorflow';
import { namedPadding, padded, type Window, type WindowOptions, windowOver } from './window';

export const sizes = (tensor: Tensor): Tensor => tf.tensor1d(tensor.shape, 'int32');

/** The window of a filter [kh, kw, ...] over x [batch, h, w, ...]. */
export function filterWindow(op: string, x: Tensor4D, filter: Tensor4D, options: WindowOptions) {
  return windowOver(op, [x.shape[1], x.shape[2]], [filter.shape[0], filter.shape[1]], options);
}

/**
 * A convolution of TensorFlow's, and the two operations that are its gradients, by their names.
 *
 * The padding is SAME or VALID, of an image padded beforehand where it must be: gradients of EXPLICIT padding bypass
 * oneDNN, and take from 1.5 to 3.5 times as long (3x3, 16 or 64 channels, AVX-512).
 */
export function convolutionOf(forward: string, toInput: string, toFilter: string) {
  const convolve = (x: Tensor4D, filter: Tensor4D, window: Window, padding: string): Tensor4D => {
    const own = [
      attr.type('T', 'float32'),
      attr.ints('strides', [1, window[0].stride, window[1].stride, 1]),
      attr.string('padding', padding),
      attr.ints('explicit_paddings', []),
      attr.string('data_format', 'NHWC'),
      attr.ints('dilations', [1, 1, 1, 1]),
    ];
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
  return (x: Tensor4D, filter: Tensor4D, options: WindowOptions = {}): Tensor4D => {
    const window = filterWindow(forward, x, filter, options);
    const padding = namedPadding(window);
    return padding ? convolve(x, filter, window, padding) : convolve(padded(x, window), filter, window, 'VALID');
  };
}
