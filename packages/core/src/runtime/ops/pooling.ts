import { attr, execute } from '../binding';
import { type Tensor, type Tensor2D, type Tensor4D, tf } from '../tensorflow';
import { sizes } from './convolution/filter-convolution';
import { namedPadding, type Pair, padded, pair, type Window, windowOver } from './convolution/window';

export interface PoolOptions {
  readonly kernel: Pair;
  /** As far as the kernel where left out. */
  readonly stride?: Pair;
  /** At most half the kernel. */
  readonly padding?: Pair;
}

export interface AveragePoolOptions extends PoolOptions {
  /** Whether the padding's zeros are counted among the values averaged, as they are where left out. */
  readonly countIncludePad?: boolean;
}

function poolWindow(op: string, x: Tensor4D, { kernel, stride = kernel, padding = 0 }: PoolOptions): Window {
  const window = windowOver(op, [x.shape[1], x.shape[2]], pair(kernel), { stride, padding });
  const wrong = window.find(({ kernel: size, before }) => 2 * before > size);
  if (wrong) {
    throw new Error(`${op}: the padding must be at most half the kernel ${wrong.kernel}, got ${wrong.before}.`);
  }
  return window;
}

const poolAttrs = (kernel: readonly number[], stride: readonly number[], padding: string) => [
  attr.type('T', 'float32'),
  attr.ints('ksize', [1, ...kernel, 1]),
  attr.ints('strides', [1, ...stride, 1]),
  attr.string('padding', padding),
  attr.string('data_format', 'NHWC'),
];

const kernelOf = (window: Window) => window.map(({ kernel }) => kernel);
const strideOf = (window: Window) => window.map(({ stride }) => stride);

function runMaxPool(x: Tensor4D, window: Window, padding: string): Tensor4D {
  const own = [...poolAttrs(kernelOf(window), strideOf(window), padding), attr.ints('explicit_paddings', [])];
  const run = tf.customGrad((...args) => {
    const [input, save] = args as unknown as [Tensor, (saved: Tensor[]) => void];
    const y = execute('MaxPool', own, [input]);
    save([input, y]);
    return { value: y, gradFunc: (dy: Tensor, saved: Tensor[]) => execute('MaxPoolGrad', own, [...saved, dy]) };
  });
  return run(x) as Tensor4D;
}

function runAveragePool(x: Tensor4D, window: Window, padding: string): Tensor4D {
  const own = poolAttrs(kernelOf(window), strideOf(window), padding);
  const run = tf.customGrad((...args) => {
    const [input] = args as unknown as [Tensor];
    return {
      value: execute('AvgPool', own, [input]),
      gradFunc: (dy: Tensor) => execute('AvgPoolGrad', own, [sizes(input), dy]),
    };
  });
  return run(x) as Tensor4D;
}

/**
 * The largest of each window of x [batch, h, w, c]: PyTorch's `max_pool2d` (the padding never wins). Of equal ones, one
 * has the gradient. TensorFlow's EXPLICIT padding would take forty times as long (3x3, 56x56), so what has no name is
 * added beforehand.
 * @throws Error when the padding is more than half the kernel, or the kernel larger than the padded image
 */
export function maxPool2d(x: Tensor4D, options: PoolOptions): Tensor4D {
  const window = poolWindow('maxPool2d', x, options);
  const padding = namedPadding(window);
  return padding
    ? runMaxPool(x, window, padding)
    : runMaxPool(padded(x, window, Number.NEGATIVE_INFINITY), window, 'VALID');
}

/** What part of each window lies inside the image: [1, rows, columns, 1]. */
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
 * The mean of each window of x [batch, h, w, c]: PyTorch's `avg_pool2d`.
 * @throws Error when the padding is more than half the kernel, or the kernel larger than the padded image
 */
export function averagePool2d(x: Tensor4D, { countIncludePad = true, ...options }: AveragePoolOptions): Tensor4D {
  const window = poolWindow('averagePool2d', x, options);
  const padding = namedPadding(window);
  const y = padding ? runAveragePool(x, window, padding) : runAveragePool(padded(x, window), window, 'VALID');
  // TensorFlow counts no padding of its own, and the zeros that were added beforehand.
  if (padding === 'VALID' || countIncludePad === (padding === undefined)) return y;
  const share = coverage(window);
  const factor = countIncludePad ? share : share.map((one) => 1 / one);
  return tf.mul(y, tf.tensor4d(factor, [1, window[0].output, window[1].output, 1]));
}

/** The window that is the whole image. */
const whole = (op: string, x: Tensor4D): Window => poolWindow(op, x, { kernel: [x.shape[1], x.shape[2]] });

const flat = (x: Tensor4D): Tensor2D => tf.reshape(x, [x.shape[0], x.shape[3]]);

/** The mean over all pixels: [batch, h, w, c] -> [batch, c]. */
export function globalAveragePool(x: Tensor4D): Tensor2D {
  return flat(runAveragePool(x, whole('globalAveragePool', x), 'VALID'));
}

/** The largest over all pixels: [batch, h, w, c] -> [batch, c]. Of equal ones, one has the gradient. */
export function globalMaxPool(x: Tensor4D): Tensor2D {
  return flat(runMaxPool(x, whole('globalMaxPool', x), 'VALID'));
}

/**
 * Row i averages what output pixel i sees of one side: pixels floor(i size / outputs) to ceil((i + 1) size / outputs).
 * [outputs, size]
 */
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
