import { attr, execute, shapeTensor } from '../../binding';
import type { Tensor4D } from '../../tensorflow';
import { withGradient } from '../../with-gradient';
import { namedPadding, padded, type Window, type WindowOptions, windowOver } from './window';

/** The window of a filter [kh, kw, ...] over x [batch, h, w, ...]. */
export function filterWindow(op: string, x: Tensor4D, filter: Tensor4D, options: WindowOptions): Window {
  return windowOver(op, [x.shape[1], x.shape[2]], [filter.shape[0], filter.shape[1]], options);
}

/** The attributes of TensorFlow's convolutions; all convolutions here are without dilation, see dilated.ts. */
export const convolutionAttrs = (strides: readonly [number, number], padding: string) => [
  attr.type('T', 'float32'),
  attr.ints('strides', [1, ...strides, 1]),
  attr.string('padding', padding),
  attr.ints('explicit_paddings', []),
  attr.string('data_format', 'NHWC'),
  attr.ints('dilations', [1, 1, 1, 1]),
];

/**
 * A convolution made of three TensorFlow operations, given by name: the value and the gradients for input and filter.
 *
 * The padding is SAME or VALID, of an image padded beforehand where needed: gradients of EXPLICIT padding bypass oneDNN
 * and take 1.5 to 3.5 times as long (3x3, 16 or 64 channels, AVX-512).
 */
export function filterConvolution(forward: string, toInput: string, toFilter: string) {
  return (x: Tensor4D, filter: Tensor4D, options: WindowOptions = {}): Tensor4D => {
    const window = filterWindow(forward, x, filter, options);
    const named = namedPadding(window);
    const own = convolutionAttrs([window[0].stride, window[1].stride], named ?? 'VALID');
    return withGradient(
      [named ? x : padded(x, window), filter],
      (input, weights) => ({ value: execute(forward, own, [input, weights]), saved: [input, weights] }),
      (dy, input, weights) => [
        execute(toInput, own, [shapeTensor(input.shape), weights, dy]),
        execute(toFilter, own, [input, shapeTensor(weights.shape), dy]),
      ],
    );
  };
}
