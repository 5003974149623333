import { attr, execute, executeAll } from '../binding';
import { type Tensor, type Tensor2D, type Tensor3D, tf } from '../tensorflow';
import { withGradient } from '../with-gradient';

export interface RightSingular {
  /** [batch, count], descending; no gradient passes through them. */
  readonly values: Tensor2D;
  /** [batch, n, count], one unit vector per column. Their signs are arbitrary. */
  readonly vectors: Tensor3D;
}

const columns = (x: Tensor, count: number): Tensor =>
  tf.slice(x, [0, 0, 0], [x.shape[0] as number, x.shape[1] as number, count]);

/** 1 / x, and 0 where x is 0. */
const inverseOf = (x: Tensor): Tensor => execute('DivNoNan', [attr.type('T', 'float32')], [tf.onesLike(x), x]);

/** 1 / (column's squared value - row's), [batch, r, r]; 0 where they are equal, on the diagonal too. */
function inverseGaps(values: Tensor, count: number): Tensor {
  const squares = tf.square(values);
  const ofColumns = tf.slice(squares, [0, 0], [values.shape[0] as number, count]);
  return inverseOf(tf.sub(tf.expandDims(ofColumns, 1), tf.expandDims(squares, 2)));
}

/**
 * The first `count` right singular vectors of matrices x [batch, m, n], at most min(m, n), and their values.
 *
 * TensorFlow's SVD has no gradient here, so this is its derivation: v_j are eigenvectors of x'x, and first-order
 * perturbation gives dv_j = sum_{i != j} v_i (v_i' d(x'x) v_j) / (s_j^2 - s_i^2), plus the part outside the space of all v
 * (s = 0). Where two values are equal this has no limit, and counts as 0.
 * @throws Error when `count` is below 1
 */
export function rightSingularVectors(x: Tensor3D, count: number): RightSingular {
  const [batch, , size] = x.shape;
  const most = Math.min(x.shape[1], size);
  const kept = Math.min(count, most);
  if (!(kept >= 1))
    throw new Error(`rightSingularVectors: there must be at least one, asked for ${count} of [${x.shape}].`);
  const found: Tensor[] = [];
  const vectors: Tensor3D = withGradient(
    [x],
    (input) => {
      const own = [attr.bool('compute_uv', true), attr.bool('full_matrices', false), attr.type('T', 'float32')];
      const [s, , v] = executeAll('Svd', own, [input], 3) as [Tensor, Tensor, Tensor];
      found.push(tf.keep(tf.slice(s, [0, 0], [batch, kept])));
      return { value: columns(v, kept), saved: [input, s, v] };
    },
    (dy, input, values, all) => {
      const first = columns(all, kept);
      const within = tf.matMul(all, dy, true, false);
      // [n, kept]: for each v_j the direction in which x'x v_j must move.
      const inside = tf.matMul(all, tf.mul(within, inverseGaps(values, kept)));
      const inverse = inverseOf(tf.square(tf.slice(values, [0, 0], [batch, kept])));
      const outside = tf.mul(tf.sub(dy, tf.matMul(all, within)), tf.expandDims(inverse, 1));
      const moved = most === size ? inside : tf.add(inside, outside);
      const product = tf.matMul(moved, first, false, true);
      return tf.matMul(input, tf.add(product, tf.transpose(product, [0, 2, 1])));
    },
  );
  const [values] = found as [Tensor2D];
  return { values: untracked(values), vectors };
}

/** The same tensor for the caller's scope, without the `keep` that carried it out of the operation. */
function untracked<T extends Tensor>(kept: T): T {
  const copy = kept.clone() as T;
  kept.dispose();
  return copy;
}
