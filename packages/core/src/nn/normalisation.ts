import { type Tensor, type Tensor4D, tf } from '../runtime/tensorflow';

/** What images are normalised with, a colour each, where black is 0 and white 1: (x - mean) / deviation. */
export interface Normalisation {
  readonly mean: readonly [number, number, number];
  readonly deviation: readonly [number, number, number];
}

/** To -1..1, as the face references do. */
export const symmetric: Normalisation = { mean: [0.5, 0.5, 0.5], deviation: [0.5, 0.5, 0.5] };

/** As RepDistiller's dataset/cifar100.py does. */
export const cifar100: Normalisation = { mean: [0.5071, 0.4867, 0.4408], deviation: [0.2675, 0.2565, 0.2761] };

/** As torchvision's published weights want it. */
export const imagenet: Normalisation = { mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225] };

export const normalisations = { symmetric, cifar100, imagenet };

/**
 * Pixels 0..255 [batch, height, width, 3], bytes or floats -> what the backbone is given. Colours that differ are laid out
 * for a whole row: TensorFlow takes four times as long to repeat three numbers as to repeat a row of them.
 */
export function normalised(pixels: Tensor4D, { mean, deviation }: Normalisation): Tensor4D {
  const [, , width] = pixels.shape;
  const isGrey = [mean, deviation].every(([red, green, blue]) => red === green && green === blue);
  const by = (colour: readonly number[]): Tensor | number =>
    isGrey
      ? 255 * (colour[0] as number)
      : tf.tensor1d(Array.from({ length: 3 * width }, (_, i) => 255 * (colour[i % 3] as number)));
  const rows = isGrey ? pixels : tf.reshape(pixels, [-1, 3 * width]);
  return tf.reshape(tf.div(tf.sub(rows, by(mean)), by(deviation)), pixels.shape);
}
