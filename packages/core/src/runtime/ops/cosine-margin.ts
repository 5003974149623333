/**
 * Softmax over cosines with a margin: what face recognition networks are trained with. Embeddings and class centres are
 * normalised, the cosine of an example's own class is made worse by the margin, and all are scaled.
 */
import { attr, execute } from '../binding';
import { type Tensor, type Tensor1D, type Tensor2D, tf } from '../tensorflow';
import { defaultEpsilon, l2Normalise, lengths } from './normalise';

/**
 * Cosines [batch, classes] of embeddings [batch, d] and class centres, within [-1, 1].
 * @param centres [d, classes], or, of `rows`, [classes, d]
 */
export function cosines(embedding: Tensor2D, centres: Tensor2D, layout: 'columns' | 'rows' = 'columns'): Tensor2D {
  const rows = layout === 'rows';
  const run = tf.customGrad((...args) => {
    const [unit, weights, save] = args as unknown as [Tensor2D, Tensor2D, (saved: Tensor[]) => void];
    const { length, own } = lengths(weights, rows ? 1 : 0, defaultEpsilon);
    const directions = tf.div(weights, length) as Tensor2D;
    const bounds = [tf.scalar(-1), tf.scalar(1)];
    const cosine = execute(
      'ClipByValue',
      [attr.type('T', 'float32')],
      [tf.matMul(unit, directions, false, rows), ...bounds],
    );
    save([unit, directions, length, own(), cosine]);
    return {
      value: cosine,
      // What is clipped is rounding, at angles where the cosine has no slope: it needs no exception. And how much of
      // the gradient lies along a centre can be told from the cosines, which are fewer than the centres' values.
      gradFunc: (dy: Tensor, saved: Tensor[]) => {
        const [u, w, by, isOwn, c] = saved as [Tensor2D, Tensor2D, Tensor, Tensor, Tensor];
        const along = tf.mul(tf.reshape(tf.sum(tf.mul(dy, c), 0), isOwn.shape), isOwn);
        const pulls = rows ? tf.matMul(dy as Tensor2D, u, true, false) : tf.matMul(u, dy as Tensor2D, true, false);
        const toCentres = tf.sub(pulls, tf.mul(w, along));
        return [tf.matMul(dy as Tensor2D, w, false, !rows), tf.div(toCentres, by)];
      },
    };
  });
  return run(l2Normalise(embedding), centres) as Tensor2D;
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

/** cos(angle + m) by margins of each example's own [batch], through which no gradient passes: its exact derivative. */
export function angularMargins(margins: Tensor): CosineMargin {
  const [cos, sin] = [tf.cos(margins), tf.sin(margins)];
  const sine = (cosine: Tensor) => tf.sqrt(tf.maximum(tf.mul(tf.sub(1, cosine), tf.add(1, cosine)), 0));
  return {
    value: (cosine) => tf.sub(tf.mul(cosine, cos), tf.mul(sine(cosine), sin)),
    slope: (cosine) => tf.add(cos, tf.div(tf.mul(cosine, sin), tf.maximum(sine(cosine), 1e-3))),
  };
}

/** The entries of x [batch, classes] that labels int32 [batch] name: [batch]. No gradient reaches x. */
export const entriesOf = (x: Tensor2D, labels: Tensor1D): Tensor => ownEntries(labels).read(x);

export interface MarginOptions {
  readonly scale: number;
  readonly margin: CosineMargin;
  /** Other classes than the own one whose cosine is above this are left out (0 instead): they may be mislabelled. */
  readonly filter?: number;
}

/** Reads and replaces one entry a row, that of the label; entry 0 where the label is negative. */
function ownEntries(labels: Tensor1D) {
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
 * cosines [batch, classes], labels [batch] int32 -> the logits that cross-entropy is taken of. A label of -1 has no
 * margin. Only the own class's cosines are touched apart: of passes over all cosines there is one forwards and one back.
 */
export function marginLogits(cosine: Tensor2D, labels: Tensor1D, { scale, margin, filter }: MarginOptions): Tensor2D {
  const run = tf.customGrad((...args) => {
    const [given, save] = args as unknown as [Tensor2D, (saved: Tensor[]) => void];
    const entries = ownEntries(labels);
    const out = filter === undefined ? undefined : tf.greater(given, filter);
    const scaled = (x: Tensor, without?: Tensor) => {
      const all = tf.mul(x, scale);
      return without ? tf.where(without, tf.scalar(0), all) : all;
    };
    const target = entries.read(given);
    const others = scaled(given, out);
    const own = tf.where(entries.isThere, tf.mul(margin.value(target), scale), entries.read(others));
    // The slope now: what a margin is made of may be gone by the time of the gradient.
    const slope = margin.slope?.(target);
    save([...(slope ? [slope] : []), ...(out ? [out] : [])]);
    return {
      value: entries.replace(others, own),
      gradFunc: (dy: Tensor, saved: Tensor[]) => {
        const without = out && saved.at(-1);
        const through = scaled(dy, without);
        if (!slope && !without) return through;
        const back = ownEntries(labels);
        const full = tf.mul(back.read(dy), scale);
        const sloped = slope ? tf.mul(full, saved[0] as Tensor) : full;
        return back.replace(through, tf.where(back.isThere, sloped, back.read(through)));
      },
    };
  });
  return run(cosine) as Tensor2D;
}
