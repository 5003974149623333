import { attr, execute, hasKernel, shapeTensor } from '../binding';
import { type Tensor2D, type Tensor4D, tf } from '../tensorflow';
import { withGradient } from '../with-gradient';
import { namedPadding, type Pair, padded, pair, type Window, windowOver } from './convolution/window';

export interface PoolOptions {
  readonly kernel: Pair;
  /** Default: the kernel. */
  readonly stride?: Pair;
  /** At most half the kernel. Default: 0. */
  readonly padding?: Pair;
}

function poolWindow(op: string, x: Tensor4D, { kernel, stride = kernel, padding = 0 }: PoolOptions): Window {
  const window = windowOver(op, [x.shape[1], x.shape[2]], pair(kernel), { stride, padding });
  const wrong = window.find(({ kernel: size, before }) => 2 * before > size);
  if (wrong) {
    throw new Error(`${op}: the padding must be at most half the kernel ${wrong.kernel}, got ${wrong.before}.`);
  }
  return window;
}

const poolAttrs = (window: Window, padding: string) => [
  attr.type('T', 'float32'),
  attr.ints('ksize', [1, ...window.map(({ kernel }) => kernel), 1]),
  attr.ints('strides', [1, ...window.map(({ stride }) => stride), 1]),
  attr.string('padding', padding),
  attr.string('data_format', 'NHWC'),
];

function runAveragePool(x: Tensor4D, window: Window, padding: string): Tensor4D {
  const own = poolAttrs(window, padding);
  return withGradient(
    [x],
    (input) => ({ value: execute('AvgPool', own, [input]) }),
    (dy) => execute('AvgPoolGrad', own, [shapeTensor(x.shape), dy]),
  );
}

/**
 * The largest value of each window of x [batch, h, w, c]: PyTorch's `max_pool2d`, where padding never wins. Of equal values
 * one gets the gradient. TensorFlow's EXPLICIT padding takes forty times as long (3x3, 56x56), so x is padded beforehand
 * where neither VALID nor SAME fits.
 * @throws Error when the padding is more than half the kernel, or the kernel larger than the padded image
 */
export function maxPool2d(x: Tensor4D, options: PoolOptions): Tensor4D {
  const window = poolWindow('maxPool2d', x, options);
  const named = namedPadding(window);
  const own = [...poolAttrs(window, named ?? 'VALID'), attr.ints('explicit_paddings', [])];
  return withGradient(
    [named ? x : padded(x, window, Number.NEGATIVE_INFINITY)],
    (input) => {
      const value = execute('MaxPool', own, [input]);
      return { value, saved: [input, value] };
    },
    (dy, input, y) => execute('MaxPoolGrad', own, [input, y, dy]),
  );
}

/** The share of each window that lies inside the image: [1, rows, columns, 1]. */
function coverage(window: Window): number[] {
  const [rows, columns] = window.map(({ output, stride, before, kernel, size }) =>
    Array.from({ length: output }, (_, i) => {
      const first = i * stride - before;
      return (Math.min(first + kernel, size) - Math.max(first, 0)) / kernel;
    }),
  ) as [number[], number[]];
  return rows.flatMap((row) => columns.map((column) => row * column));
}

/**
 * The mean of each window of x [batch, h, w, c], the padding's zeros included: PyTorch's `avg_pool2d`.
 * @throws Error when the padding is more than half the kernel, or the kernel larger than the padded image
 */
export function averagePool2d(x: Tensor4D, options: PoolOptions): Tensor4D {
  const window = poolWindow('averagePool2d', x, options);
  const padding = namedPadding(window);
  if (padding === undefined) return runAveragePool(padded(x, window), window, 'VALID');
  const y = runAveragePool(x, window, padding);
  if (padding === 'VALID') return y;
  // TensorFlow leaves its own padding out of the mean.
  return tf.mul(y, tf.tensor4d(coverage(window), [1, window[0].output, window[1].output, 1]));
}

/**
 * The mean over all pixels: [batch, h, w, c] -> [batch, c]. On the CPU by a kernel of this package
 * (packages/core/native/channels.cc), with the bits of TensorFlow's operation.
 */
export function globalAveragePool(x: Tensor4D): Tensor2D {
  const kernel = 'HeadshareChannelMeans';
  const [batch, height, width, channels] = x.shape;
  const window = poolWindow('globalAveragePool', x, { kernel: [height, width] });
  if (!hasKernel(kernel)) return tf.reshape(runAveragePool(x, window, 'VALID'), [batch, channels]);
  const back = poolAttrs(window, 'VALID');
  return withGradient(
    [x],
    (input) => ({ value: execute(kernel, [], [input]) as Tensor2D }),
    (dy) => execute('AvgPoolGrad', back, [shapeTensor(x.shape), tf.reshape(dy, [batch, 1, 1, channels])]),
  );
}

/** A matrix [outputs, size] whose row i averages the pixels floor(i size / outputs) to ceil((i + 1) size / outputs). */
function averaging(size: number, outputs: number): Tensor2D {
  const rows = Array.from({ length: outputs }, (_, i) => {
    const first = Math.floor((i * size) / outputs);
    const last = Math.ceil(((i + 1) * size) / outputs);
    return Array.from({ length: size }, (_, at) => (at >= first && at < last ? 1 / (last - first) : 0));
  });
  return tf.tensor2d(rows, [outputs, size]);
}

/** x [batch, size, ...] -> [batch, outputs, ...], averaged along axis 1. */
function alongRows(x: Tensor4D, outputs: number): Tensor4D {
  const [batch, size, width, channels] = x.shape;
  const flat = tf.reshape(tf.transpose(x, [1, 0, 2, 3]), [size, batch * width * channels]);
  const pooled = tf.reshape(tf.matMul(averaging(size, outputs), flat), [outputs, batch, width, channels]);
  return tf.transpose(pooled, [1, 0, 2, 3]) as Tensor4D;
}

/**
 * x [batch, h, w, c] averaged to [batch, height, width, c]: PyTorch's `adaptive_avg_pool2d`, whose windows overlap where
 * the sizes do not divide.
 * @throws Error when a size is not a whole number of at least 1
 */
export function adaptiveAveragePool2d(x: Tensor4D, [height, width]: readonly [number, number]): Tensor4D {
  for (const size of [height, width]) {
    if (!Number.isInteger(size) || size < 1) {
      throw new Error(`adaptiveAveragePool2d: a size must be a whole number of at least 1, got ${size}.`);
    }
  }
  const [, rows, columns] = x.shape;
  if (rows === height && columns === width) return x;
  if (rows % height === 0 && columns % width === 0) {
    return averagePool2d(x, { kernel: [rows / height, columns / width] });
  }
  const turn = (image: Tensor4D) => tf.transpose(image, [0, 2, 1, 3]) as Tensor4D;
  const shorter = rows === height ? x : alongRows(x, height);
  return columns === width ? shorter : turn(alongRows(turn(shorter), width));
}
