import { softmax } from '../../runtime/ops/cross-entropy';
import type { Scalar, Tensor2D } from '../../runtime/tensorflow';
import { meanSquaredDifference } from './mean-squared-difference';

/**
 * The mean squared difference of the class probabilities that logits [batch, classes] give: HeadSharingKD's MSE.py,
 * DistillMSE. The mean is over classes too, so it is 0..2 / classes.
 */
export function probabilityDistance(student: Tensor2D, teacher: Tensor2D): Scalar {
  return meanSquaredDifference(softmax(student), softmax(teacher));
}
