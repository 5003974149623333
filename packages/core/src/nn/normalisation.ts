import { execute, hasKernel } from '../runtime/binding';
import { type Tensor, type Tensor4D, tf } from '../runtime/tensorflow';
import { withGradient } from '../runtime/with-gradient';

/** The normalisation of images, per colour: (x - mean) / deviation, where black is 0 and white 1. */
export interface Normalisation {
  readonly mean: readonly [number, number, number];
  readonly deviation: readonly [number, number, number];
}

/** To -1..1, as in the face references. */
export const symmetric: Normalisation = { mean: [0.5, 0.5, 0.5], deviation: [0.5, 0.5, 0.5] };

/** RepDistiller's, dataset/cifar100.py. */
export const cifar100: Normalisation = { mean: [0.5071, 0.4867, 0.4408], deviation: [0.2675, 0.2565, 0.2761] };

/** The one for torchvision's published weights. */
export const imagenet: Normalisation = { mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225] };

/** (x - 127.5) / 128 for pixels from 0 to 255: SphereFace's and CosFace's, and usual for networks of Caffe and MXNet. */
export const sphereface: Normalisation = { mean: [0.5, 0.5, 0.5], deviation: [128 / 255, 128 / 255, 128 / 255] };

/**
 * Pixels 0..255 [batch, height, width, 3] -> the backbone's input. On the CPU by a kernel of this package
 * (packages/core/native/channels.cc), with the bits of TensorFlow's operations.
 */
export function normalised(pixels: Tensor4D, normalisation: Normalisation): Tensor4D {
  const kernel = 'HeadshareNormalise';
  if (!hasKernel(kernel)) return opsNormalised(pixels, normalisation);
  const { mean, deviation } = normalisation;
  const to255 = (colour: readonly number[]): Tensor => tf.tensor1d(colour.map((value) => 255 * value));
  return withGradient(
    [pixels],
    (x) => ({ value: execute(kernel, [], [x, to255(mean), to255(deviation)]) as Tensor4D }),
    (dy) => tf.div(dy, to255(deviation)),
  );
}

/**
 * The same from TensorFlow's own operations, for any device. The numbers of three different colours are repeated for a whole
 * row: TensorFlow takes four times as long to broadcast three numbers as to broadcast a row.
 */
export function opsNormalised(pixels: Tensor4D, { mean, deviation }: Normalisation): Tensor4D {
  const [, , width] = pixels.shape;
  const isGrey = [mean, deviation].every(([red, green, blue]) => red === green && green === blue);
  const by = (colour: readonly number[]): Tensor | number =>
    isGrey
      ? 255 * (colour[0] as number)
      : tf.tensor1d(Array.from({ length: 3 * width }, (_, i) => 255 * (colour[i % 3] as number)));
  const rows = isGrey ? pixels : tf.reshape(pixels, [-1, 3 * width]);
  return tf.reshape(tf.div(tf.sub(rows, by(mean)), by(deviation)), pixels.shape);
}
