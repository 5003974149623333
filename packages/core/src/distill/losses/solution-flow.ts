import { type Scalar, type Tensor, type Tensor4D, tf } from '../../runtime/tensorflow';
import { UserError } from '../../system/user-error';
import { matchSizes, meanSquaredDifference } from './differences';

/** The products of channels of two neighbouring feature maps, mean over pixels: [batch, c, c']. */
function flow(bottom: Tensor4D, top: Tensor4D): Tensor {
  const pixels = (x: Tensor4D) => tf.reshape(x, [x.shape[0], x.shape[1] * x.shape[2], x.shape[3]]);
  const [from, to] = matchSizes(bottom, top).map(pixels) as [Tensor, Tensor];
  return tf.div(tf.matMul(from, to, true, false), from.shape[1] as number);
}

/**
 * FSP, the flow of the solution procedure (Yim et al., CVPR 2017, "A Gift from Knowledge Distillation"; RepDistiller's
 * FSP.py): one term for each pair of neighbouring feature maps [batch, h, w, c]. The reference pretrains with their sum
 * for 30 epochs and does not use it in training proper; the weight 50 of its published command has no effect.
 * @throws UserError where the two networks' maps have different numbers of channels
 */
export function solutionFlowLosses(student: readonly Tensor4D[], teacher: readonly Tensor4D[]): Scalar[] {
  const channels = (maps: readonly Tensor4D[]) => maps.map((map) => map.shape[3]).join(', ');
  if (channels(student) !== channels(teacher)) {
    throw new UserError(
      `fsp needs as many channels in each of the student's feature maps as in the teacher's: the teacher has ${channels(teacher)}, the student ${channels(student)}.`,
    );
  }
  const flows = (maps: readonly Tensor4D[]) => maps.slice(1).map((top, i) => flow(maps[i] as Tensor4D, top));
  const theirs = flows(teacher);
  return flows(student).map((ours, i) => meanSquaredDifference(ours, theirs[i] as Tensor));
}
