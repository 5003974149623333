/**
 * Softmax over cosines with a margin: what face recognition networks are trained with. Embeddings and class centres are
 * normalised, the cosine of an example's own class is made worse by the margin, and all are scaled.
 */
import { type Tensor, type Tensor1D, type Tensor2D, tf } from '../tensorflow';
import { l2Normalise } from './normalise';

/** Cosines [batch, classes] of embeddings [batch, d] and class centres [d, classes], within [-1, 1]. */
export function cosines(embedding: Tensor2D, centres: Tensor2D): Tensor2D {
  return tf.clipByValue(tf.matMul(l2Normalise(embedding), l2Normalise(centres, 0)), -1, 1);
}

/** What a margin makes of the cosine of the own class, element by element. */
export interface CosineMargin {
  value(cosine: Tensor): Tensor;
  /** The derivative of `value`; without it, 1 (no gradient passes through the margin). */
  slope?(cosine: Tensor): Tensor;
}

/** cos - m (CosFace; Wang et al., arXiv 1801.09414). */
export const additiveMargin = (margin: number): CosineMargin => ({ value: (cosine) => tf.sub(cosine, margin) });

/**
 * cos(angle + m) (ArcFace; Deng et al., arXiv 1801.07698).
 * @param gradient `straight-through`: 1, as insightface's, which goes through arccos and cos outside autograd;
 * `exact`: the derivative, sin(angle + m) / sin(angle), where sin(angle) counts as at least 1e-3, as the
 * derivative has no bound at angle 0
 */
export function angularMargin(margin: number, gradient: 'straight-through' | 'exact'): CosineMargin {
  const cos = Math.cos(margin);
  const sin = Math.sin(margin);
  const sine = (cosine: Tensor) => tf.sqrt(tf.maximum(tf.mul(tf.sub(1, cosine), tf.add(1, cosine)), 0));
  const value = (cosine: Tensor) => tf.sub(tf.mul(cosine, cos), tf.mul(sine(cosine), sin));
  if (gradient === 'straight-through') return { value };
  return { value, slope: (cosine) => tf.add(cos, tf.div(tf.mul(cosine, sin), tf.maximum(sine(cosine), 1e-3))) };
}

export interface MarginOptions {
  readonly scale: number;
  readonly margin: CosineMargin;
  /** Other classes than the own one whose cosine is above this are left out (0 instead): they may be mislabelled. */
  readonly filter?: number;
}

/** cosines [batch, classes], labels [batch] int32 -> the logits that cross-entropy is taken of. */
export function marginLogits(cosine: Tensor2D, labels: Tensor1D, { scale, margin, filter }: MarginOptions): Tensor2D {
  const own = tf.oneHot(labels, cosine.shape[1], 1, 0, 'float32') as Tensor2D;
  const factor =
    filter === undefined
      ? tf.scalar(scale)
      : tf.mul(tf.maximum(own, tf.cast(tf.lessEqual(cosine, filter), 'float32')), scale);
  const run = tf.customGrad((...args) => {
    const [given, save] = args as unknown as [Tensor2D, (saved: Tensor[]) => void];
    const target = tf.sum(tf.mul(given, own), 1, true);
    save([target, own, factor]);
    return {
      value: tf.mul(tf.add(given, tf.mul(own, tf.sub(margin.value(target), target))), factor),
      gradFunc: (dy: Tensor, saved: Tensor[]) => {
        const [t, isOwn, by] = saved as [Tensor, Tensor, Tensor];
        const through = tf.mul(dy, by);
        return margin.slope ? tf.mul(through, tf.add(1, tf.mul(isOwn, tf.sub(margin.slope(t), 1)))) : through;
      },
    };
  });
  return run(cosine) as Tensor2D;
}
