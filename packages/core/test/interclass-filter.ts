import { type Tensor1D, type Tensor2D, tf } from '../src/runtime/tensorflow';
import { withGradient } from '../src/runtime/with-gradient';

/**
 * insightface's interclass filtering, which the reference cases use but our trainings do not: cosines [batch, classes]
 * above the threshold become 0, except for the label's class.
 */
export function interclassFiltered(cosine: Tensor2D, labels: Tensor1D, threshold = 0): Tensor2D {
  if (!(threshold > 0)) return cosine;
  return withGradient(
    [cosine],
    (given) => {
      const own = tf.oneHot(labels, given.shape[1]).toBool();
      const mask = tf.cast(tf.logicalOr(own, tf.lessEqual(given, threshold)), 'float32');
      return { value: tf.mul(given, mask), saved: [mask] };
    },
    (dy, mask) => tf.mul(dy, mask),
  );
}
