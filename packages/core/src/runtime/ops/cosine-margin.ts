/**
 * Softmax over cosines with a margin, the loss of face recognition networks: embeddings and class centres are normalised,
 * the margin lowers the cosine of an example's own class, and a scale multiplies all cosines.
 */
import { attr, execute } from '../binding';
import { type Tensor, type Tensor1D, type Tensor2D, tf } from '../tensorflow';
import { withGradient } from '../with-gradient';
import { defaultEpsilon, l2Normalise, lengths } from './normalise';

/**
 * Cosines [batch, classes] of embeddings [batch, d] and class centres, within [-1, 1].
 * @param centres [d, classes], or [classes, d] in the layout `rows`
 */
export function cosines(embedding: Tensor2D, centres: Tensor2D, layout: 'columns' | 'rows' = 'columns'): Tensor2D {
  const rows = layout === 'rows';
  return withGradient(
    [l2Normalise(embedding), centres],
    (unit, weights) => {
      const { length, own } = lengths(weights, rows ? 1 : 0, defaultEpsilon);
      const directions = tf.div(weights, length) as Tensor2D;
      const bounds = [tf.scalar(-1), tf.scalar(1)];
      const value = execute(
        'ClipByValue',
        [attr.type('T', 'float32')],
        [tf.matMul(unit, directions, false, rows), ...bounds],
      );
      return { value, saved: [unit, directions, length, own(), value] };
    },
    // Clipping only removes rounding, at angles where the cosine has no slope, so it needs no exception. The part of the
    // gradient along a centre comes from the cosines, which are fewer than the centres' values.
    (dy, unit, directions, length, isOwn, cosine) => {
      const along = tf.mul(tf.reshape(tf.sum(tf.mul(dy, cosine), 0), isOwn.shape), isOwn);
      const pulls = rows ? tf.matMul(dy, unit, true, false) : tf.matMul(unit, dy, true, false);
      const toCentres = tf.sub(pulls, tf.mul(directions, along));
      return [tf.matMul(dy, directions, false, !rows), tf.div(toCentres, length)];
    },
  );
}

/** Changes the cosine of the own class, element by element. */
export interface CosineMargin {
  value(cosine: Tensor): Tensor;
  /** The derivative of `value`; default: 1 (the gradient ignores the margin). */
  slope?(cosine: Tensor): Tensor;
}

/** cos - m (CosFace; Wang et al., arXiv 1801.09414). */
export const additiveMargin = (margin: number): CosineMargin => ({ value: (cosine) => tf.sub(cosine, margin) });

/** cos(angle + m) with its derivative sin(angle + m) / sin(angle), given cos m and sin m. */
function exactAngularMargin(cos: Tensor | number, sin: Tensor | number): Required<CosineMargin> {
  const sine = (cosine: Tensor) => tf.sqrt(tf.maximum(tf.mul(tf.sub(1, cosine), tf.add(1, cosine)), 0));
  return {
    value: (cosine) => tf.sub(tf.mul(cosine, cos), tf.mul(sine(cosine), sin)),
    // At angle 0 the derivative has no bound: sin(angle) counts as at least 1e-3.
    slope: (cosine) => tf.add(cos, tf.div(tf.mul(cosine, sin), tf.maximum(sine(cosine), 1e-3))),
  };
}

/**
 * cos(angle + m) (ArcFace; Deng et al., arXiv 1801.07698).
 * @param gradient `straight-through`: 1, as in insightface, whose arccos and cos run outside autograd; `exact`: the
 * derivative
 */
export function angularMargin(margin: number, gradient: 'straight-through' | 'exact'): CosineMargin {
  const { value, slope } = exactAngularMargin(Math.cos(margin), Math.sin(margin));
  return gradient === 'exact' ? { value, slope } : { value };
}

/** cos(angle + m) by each example's own margin [batch], with its exact derivative; no gradient reaches the margins. */
export const angularMargins = (margins: Tensor): CosineMargin => exactAngularMargin(tf.cos(margins), tf.sin(margins));

/** The entries of x [batch, classes] at labels int32 [batch]: [batch]. No gradient reaches x. */
export const entriesOf = (x: Tensor2D, labels: Tensor1D): Tensor => ownEntries(labels).read(x);

export interface MarginOptions {
  readonly scale: number;
  readonly margin: CosineMargin;
}

/** Reads and replaces the label's entry of each row; entry 0 where the label is negative. */
export function ownEntries(labels: Tensor1D) {
  const rows = tf.tensor1d(
    Int32Array.from({ length: labels.size }, (_, row) => row),
    'int32',
  );
  const at = tf.stack([rows, tf.maximum(labels, tf.scalar(0, 'int32'))], 1);
  const types = (name: string) => [attr.type(name, 'float32'), attr.type('Tindices', 'int32')];
  return {
    isThere: tf.greaterEqual(labels, tf.scalar(0, 'int32')),
    read: (x: Tensor) => execute('GatherNd', types('Tparams'), [x, at]),
    replace: (x: Tensor, values: Tensor) => execute('TensorScatterUpdate', types('T'), [x, at, values]),
  };
}

/**
 * cosines [batch, classes], labels [batch] int32 -> the logits for cross-entropy. A label of -1 has no margin. The own
 * class's cosines are handled separately, so that value and gradient each pass over all cosines only once.
 */
export function marginLogits(cosine: Tensor2D, labels: Tensor1D, { scale, margin }: MarginOptions): Tensor2D {
  return withGradient<readonly [Tensor2D], Tensor2D, readonly Tensor[]>(
    [cosine],
    (given) => {
      const entries = ownEntries(labels);
      const target = entries.read(given);
      const others = tf.mul(given, scale);
      const own = tf.where(entries.isThere, tf.mul(margin.value(target), scale), entries.read(others));
      // The slope is computed now, because the tensors of a margin may be gone by the time of the gradient.
      const slope = margin.slope?.(target);
      return { value: entries.replace(others, own), saved: slope ? [slope] : [] };
    },
    (dy, slope) => {
      const through = tf.mul(dy, scale);
      if (!slope) return through;
      const entries = ownEntries(labels);
      const sloped = tf.mul(tf.mul(entries.read(dy), scale), slope);
      return entries.replace(through, tf.where(entries.isThere, sloped, entries.read(through)));
    },
  );
}
