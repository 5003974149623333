import { attr, executeAll } from '../binding';
import { type Tensor, type Tensor1D, type Tensor2D, tf } from '../tensorflow';

/** The singular values of a matrix [m, n], descending: [min(m, n)]. No gradient passes through them. */
export function singularValues(x: Tensor2D): Tensor1D {
  const without = [attr.bool('compute_uv', false), attr.bool('full_matrices', false), attr.type('T', 'float32')];
  const [values, ...unused] = executeAll('Svd', without, [x], 3) as [Tensor, ...Tensor[]];
  tf.dispose(unused);
  return values as Tensor1D;
}
