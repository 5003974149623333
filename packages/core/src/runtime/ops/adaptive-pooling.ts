import { type Tensor2D, type Tensor4D, tf } from '../tensorflow';
import { averagePool2d } from './pooling';

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
