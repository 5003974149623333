import { type Scalar, type Tensor, type Tensor4D, tf } from '../../runtime/tensorflow';
import { UserError } from '../../system/user-error';
import { matchSizes } from './match-sizes';
import { meanSquaredDifference } from './mean-squared-difference';

/** The mean over pixels of each product of a channel of one level and one of the next: [batch, c, c']. */
function flow(bottom: Tensor4D, top: Tensor4D): Tensor {
  const pixels = (x: Tensor4D) => tf.reshape(x, [x.shape[0], x.shape[1] * x.shape[2], x.shape[3]]);
  const [from, to] = matchSizes(bottom, top).map(pixels) as [Tensor, Tensor];
  return tf.div(tf.matMul(from, to, true, false), from.shape[1] as number);
}

/**
 * FSP, the flow of the solution procedure (Yim et al., CVPR 2017, "A Gift from Knowledge Distillation"; RepDistiller's
 * FSP.py): of each two neighbouring levels' maps [batch, h, w, c], one term. The reference learns by their sum alone, for
 * 30 epochs before training proper, in which it has no part; the weight 50 of its published command is not used.
 * @throws UserError where a level of the two has different numbers of channels
 */
export function solutionFlowLosses(student: readonly Tensor4D[], teacher: readonly Tensor4D[]): Scalar[] {
  const channels = (maps: readonly Tensor4D[]) => maps.map((map) => map.shape[3]).join(', ');
  if (channels(student) !== channels(teacher)) {
    throw new UserError(
      `FSP needs a student with the teacher's numbers of channels: they are ${channels(teacher)}, the student's ${channels(student)}.`,
    );
  }
  const flows = (maps: readonly Tensor4D[]) => maps.slice(1).map((top, i) => flow(maps[i] as Tensor4D, top));
  const theirs = flows(teacher);
  return flows(student).map((ours, i) => meanSquaredDifference(ours, theirs[i] as Tensor));
}
