import { sumOfAll } from '../../runtime/ops/sum-of-all';
import { type Scalar, type Tensor, type Tensor4D, tf } from '../../runtime/tensorflow';

/** Squared distance of the student's values from the right side of the teacher's boundary plus the margin, summed. */
function alternative(student: Tensor, teacher: Tensor, margin: number): Tensor {
  const active = tf.sub(tf.mul(tf.step(teacher), 2), 1);
  // Below +margin where the teacher is active (1), above -margin where it is not (-1).
  const excess = tf.relu(tf.sub(margin, tf.mul(active, student)));
  return sumOfAll(tf.square(excess));
}

/**
 * Activation boundaries (Heo et al., arXiv 1811.03233; RepDistiller's AB.py), one term for each feature map [batch, h, w,
 * c] before its activation; the student's maps went through the connector and have the teacher's shapes. A term is 3 /
 * 1000 of the sum over an image, mean over the batch; the weights halve from the last map backwards. The reference
 * pretrains with their sum for 30 epochs and does not use it in training proper.
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
