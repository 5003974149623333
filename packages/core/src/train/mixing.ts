/** Mixup and CutMix in the training step. */
import { drawMix, type Mix, type MixSettings } from '../data/augment/mix';
import type { ChosenMethod } from '../distill/combine-methods';
import { type Tensor, type Tensor4D, tf } from '../runtime/tensorflow';
import { UserError } from '../system/user-error';

/** Whether images are mixed; then a network's outputs belong to no single training image. */
export const isMixing = ({ mixup, cutmix }: Pick<MixSettings, 'mixup' | 'cutmix'>): boolean => mixup > 0 || cutmix > 0;

/** @throws UserError for settings that contradict each other */
export function checkMixing(settings: MixSettings & { readonly batchSize: number; readonly accumulate: number }): void {
  const { mixup, cutmix, mixProbability, mixSwitchProbability, batchSize, accumulate } = settings;
  if (!isMixing(settings) && mixProbability !== 1) {
    throw new UserError(
      `--mix-probability ${mixProbability} has no effect without --mixup or --cutmix: give --mixup or --cutmix, or leave it out.`,
    );
  }
  if (mixSwitchProbability !== 0.5 && (mixup === 0 || cutmix === 0)) {
    throw new UserError(
      `--mix-switch-probability ${mixSwitchProbability} chooses between mixup and CutMix and needs both: give --mixup and --cutmix, or leave it out.`,
    );
  }
  const images = batchSize / accumulate;
  if (isMixing(settings) && images % 2 !== 0) {
    throw new UserError(
      `--mixup and --cutmix mix pairs of images: ${accumulate > 1 ? `a micro-batch (${images} images)` : `--batchSize ${images}`} must be even.`,
    );
  }
}

/** @throws UserError for a method that needs single images when images are mixed */
export function requireMixable(settings: MixSettings, { name, needs }: Pick<ChosenMethod, 'name' | 'needs'>): void {
  if (!isMixing(settings)) return;
  const without = 'leave --mixup and --cutmix out, or choose another method.';
  if (needs.has('indices')) {
    throw new UserError(
      `${name} remembers the embedding of every training image, and a mixed image is none of them: ${without}`,
    );
  }
  if (needs.has('labels')) {
    throw new UserError(`${name} needs one class for each image, and a mixed image has two: ${without}`);
  }
}

/** The step's input: the weights of pixels and label, and the box's edges. */
export const mixInput = { dtype: 'float32', shape: [6] } as const;

/** The input's value for micro-batch `step`. */
export const mixValue = (settings: MixSettings, at: Parameters<typeof drawMix>[1]): Float32Array =>
  packed(drawMix(settings, at));

export const packed = ({ pixelShare, labelShare, box }: Mix): Float32Array =>
  Float32Array.of(pixelShare, labelShare, ...box);

export interface MixedPixels {
  /** [batch, height, width, 3] in 0..255, not rounded. */
  readonly pixels: Tensor4D;
  /** The weight of an image's own label, a scalar; the rest goes to the label of the image it is mixed with. */
  readonly labelShare: Tensor;
}

/**
 * Mixes a micro-batch with its reverse. One formula serves mixup, CutMix and neither: an image keeps `pixelShare` of its
 * pixels outside the box, and none inside; an image that keeps everything keeps its bits.
 * @param pixels [batch, height, width, 3] in 0..255
 * @param mix [6], as `packed`
 */
export function mixedPixels(pixels: Tensor4D, mix: Tensor): MixedPixels {
  const [pixelShare, labelShare, left, top, right, bottom] = tf.unstack(mix) as [
    Tensor,
    Tensor,
    Tensor,
    Tensor,
    Tensor,
    Tensor,
  ];
  const [, height, width] = pixels.shape;
  const within = (length: number, from: Tensor, to: Tensor): Tensor => {
    const places = tf.tensor1d(Float32Array.from({ length }, (_, i) => i));
    return tf.cast(tf.logicalAnd(tf.greaterEqual(places, from), tf.less(places, to)), 'float32');
  };
  const inBox = tf.mul(
    within(height, top, bottom).reshape([1, height, 1, 1]),
    within(width, left, right).reshape([1, 1, width, 1]),
  );
  const own = tf.mul(tf.sub(1, inBox), pixelShare);
  const mixed = tf.add(tf.mul(pixels, own), tf.mul(tf.reverse(pixels, 0), tf.sub(1, own)));
  return { pixels: mixed as Tensor4D, labelShare };
}
