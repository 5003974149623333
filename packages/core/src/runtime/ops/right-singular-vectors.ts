import { attr, execute, executeAll } from '../binding';
import { type Tensor, type Tensor2D, type Tensor3D, tf } from '../tensorflow';

export interface RightSingular {
  /** [batch, count], falling; no gradient passes through them. */
  readonly values: Tensor2D;
  /** [batch, n, count], a column each, of unit length. Their signs are arbitrary. */
  readonly vectors: Tensor3D;
}

const columns = (x: Tensor, count: number): Tensor =>
  tf.slice(x, [0, 0, 0], [x.shape[0] as number, x.shape[1] as number, count]);

/** 1 / (column's squared value - row's), [batch, r, r]; 0 where they are equal, on the diagonal too. */
function inverseGaps(values: Tensor, count: number): Tensor {
  const squares = tf.square(values);
  const gaps = tf.sub(
    tf.expandDims(tf.slice(squares, [0, 0], [values.shape[0] as number, count]), 1),
    tf.expandDims(squares, 2),
  );
  return execute('DivNoNan', [attr.type('T', 'float32')], [tf.onesLike(gaps), gaps]);
}

/**
 * The first `count` right singular vectors of matrices x [batch, m, n], of which there are min(m, n), and their
 * values.
 *
 * TensorFlow's SVD has no gradient here, so it is ours: v_j are eigenvectors of x'x, of which first-order perturbation
 * gives dv_j = sum_{i != j} v_i (v_i' d(x'x) v_j) / (s_j^2 - s_i^2), beside what leaves the space of all v
 * (s = 0). Where two values are equal that has no limit, and counts as 0 here.
 */
export function rightSingularVectors(x: Tensor3D, count: number): RightSingular {
  const [batch, , size] = x.shape;
  const most = Math.min(x.shape[1], size);
  const kept = Math.min(count, most);
  if (!(kept >= 1))
    throw new Error(`rightSingularVectors: there must be at least one, asked for ${count} of [${x.shape}].`);
  const found: Tensor[] = [];
  const run = tf.customGrad((...args) => {
    const [input, save] = args as unknown as [Tensor3D, (saved: Tensor[]) => void];
    const own = [attr.bool('compute_uv', true), attr.bool('full_matrices', false), attr.type('T', 'float32')];
    const [s, , v] = executeAll('Svd', own, [input], 3) as [Tensor, Tensor, Tensor];
    found.push(tf.keep(tf.slice(s, [0, 0], [batch, kept])));
    save([input, s, v]);
    return {
      value: columns(v, kept),
      gradFunc: (dy: Tensor, saved: Tensor[]) => {
        const [a, values, all] = saved as [Tensor, Tensor, Tensor];
        const first = columns(all, kept);
        const within = tf.matMul(all, dy, true, false);
        // [n, kept]: for each v_j the direction in which x'x v_j must move.
        const inside = tf.matMul(all, tf.mul(within, inverseGaps(values, kept)));
        const squares = tf.square(tf.slice(values, [0, 0], [batch, kept]));
        const inverse = execute('DivNoNan', [attr.type('T', 'float32')], [tf.onesLike(squares), squares]);
        const outside = tf.mul(tf.sub(dy, tf.matMul(all, within)), tf.expandDims(inverse, 1));
        const moved = most === size ? inside : tf.add(inside, outside);
        const product = tf.matMul(moved, first, false, true);
        return tf.matMul(a, tf.add(product, tf.transpose(product, [0, 2, 1])));
      },
    };
  });
  const vectors = run(x) as Tensor3D;
  const [kept0] = found as [Tensor];
  const values = kept0.clone() as Tensor2D;
  kept0.dispose();
  return { values, vectors };
}
