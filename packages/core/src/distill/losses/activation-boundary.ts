import { type Scalar, type Tensor, type Tensor4D, tf } from '../../runtime/tensorflow';

/** How far the student is on the wrong side of the teacher's boundary, or within the margin of it: squares, summed. */
function alternative(student: Tensor, teacher: Tensor, margin: number): Tensor {
  const active = tf.sub(tf.mul(tf.step(teacher), 2), 1);
  // Below +margin where the teacher is active (1), above -margin where it is not (-1).
  const excess = tf.relu(tf.sub(margin, tf.mul(active, student)));
  return tf.sum(tf.square(excess));
}

/**
 * Activation boundaries (Heo et al., arXiv 1811.03233; RepDistiller's AB.py): levels' maps [batch, h, w, c] before their
 * activation, the student's behind its connector, in the teacher's shape. Per level one term, half as heavy with each
 * level down from the last, 3 / 1000 of the sum over an image, the mean over the batch. The
 * reference learns by their sum alone, for 30 epochs before training proper, in which it has no part.
 */
export function activationBoundaryLosses(
  student: readonly Tensor4D[],
  teacher: readonly Tensor4D[],
  margin = 1,
): Scalar[] {
  return student.map((map, i) => {
    const weight = 2 ** (i - student.length + 1) * (3 / 1000 / map.shape[0]);
    return tf.mul(alternative(map, teacher[i] as Tensor4D, margin), weight).asScalar();
  });
}
