import { attr, execute, hasKernel, shapeTensor } from '../../binding';
import { type Tensor, type Tensor4D, tf } from '../../tensorflow';
import { withGradient } from '../../with-gradient';
import { type Axis, namedPadding, padded, type Window, type WindowOptions, windowOver } from './window';

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

/** The strides, and the zeros above and left of the image. */
export interface Placement {
  readonly stride: readonly [number, number];
  readonly before: readonly [number, number];
}

/** This package's kernel for the gradient of a filter [kh, kw, in, out] (packages/core/native/filter-gradient.cc). */
export const filterGradientKernel = 'HeadshareConvGradFilter';

/**
 * Has the same bits with any number of threads, where TensorFlow's operation splits its sums by the threads. Measured on AVX-512
 * against TensorFlow's, one thread: 3 to 5 times as fast for maps of 4x4 to 16x16 with 16 to 64 channels, 0.9 to 1.6 times for other
 * 1x1 and strided ones, 0.7 to 0.8 times for 3x3 ones of pictures.
 */
export function kernelFilterGradient(x: Tensor, filter: Tensor, dy: Tensor, { stride, before }: Placement): Tensor {
  const own = [
    attr.int('row_stride', stride[0]),
    attr.int('column_stride', stride[1]),
    attr.int('top', before[0]),
    attr.int('left', before[1]),
  ];
  return execute(filterGradientKernel, own, [dy, x, filter]);
}

/**
 * A convolution made of three TensorFlow operations, given by name: the value and the gradients for input and filter.
 *
 * The padding is SAME or VALID, of an image padded beforehand where needed: gradients of EXPLICIT padding bypass oneDNN
 * and take 1.5 to 3.5 times as long (3x3, 16 or 64 channels, AVX-512). The padded image is not kept for the gradients: this
 * package's kernel reads the image itself, and the operation gets it padded again.
 * @param kernel computes the gradient for the filter instead of the operation, where this package's kernels can run
 */
export function filterConvolution(
  forward: string,
  toInput: string,
  toFilter: string,
  kernel?: typeof kernelFilterGradient,
) {
  return (x: Tensor4D, filter: Tensor4D, options: WindowOptions = {}): Tensor4D => {
    const window = filterWindow(forward, x, filter, options);
    const named = namedPadding(window);
    const stride = [window[0].stride, window[1].stride] as const;
    const own = convolutionAttrs(stride, named ?? 'VALID');
    const before = [window[0].before, window[1].before] as const;
    const image = (input: Tensor4D) => (named ? input : padded(input, window));
    return withGradient(
      [x, filter],
      (input, weights) => ({ value: execute(forward, own, [image(input), weights]), saved: [input, weights] }),
      (dy, input, weights) => {
        const [batch, height, width, channels] = x.shape;
        const reach = named ? x.shape : [batch, extent(window[0]), extent(window[1]), channels];
        const whole = execute(toInput, own, [shapeTensor(reach), weights, dy]);
        return [
          named ? whole : tf.slice(whole, [0, ...before, 0], [batch, height, width, channels]),
          kernel && hasKernel(filterGradientKernel)
            ? kernel(input, weights, dy, { stride, before })
            : execute(toFilter, own, [image(input), shapeTensor(weights.shape), dy]),
        ];
      },
    );
  };
}

const extent = ({ before, size, after }: Axis): number => before + size + after;
