import { l2Normalise } from '../../runtime/ops/normalise';
import { meanOfAll } from '../../runtime/ops/sum-of-all';
import { type Scalar, type Tensor, type Tensor2D, type Tensor4D, tf } from '../../runtime/tensorflow';
import { matchSizes } from './differences';

/** Each channel's activations over the image, normalised to length 1: [batch, h, w, c] -> [batch, c, h w]. */
function selectivity(x: Tensor4D): Tensor {
  const [batch, height, width, channels] = x.shape;
  const rows = tf.reshape(tf.transpose(x, [0, 3, 1, 2]), [batch * channels, height * width]) as Tensor2D;
  return tf.reshape(l2Normalise(rows), [batch, channels, height * width]);
}

/** The mean over all pairs of channels of the polynomial kernel (a . b)^2. */
const kernel = (a: Tensor, b: Tensor): Scalar => meanOfAll(tf.square(tf.matMul(a, b, false, true)));

/**
 * Neuron selectivity transfer (Huang and Wang, arXiv 1707.01219; RepDistiller's NST.py): the squared maximum mean
 * discrepancy between the channels' activations in two feature maps [batch, h, w, c]. Published weight of the sum over
 * all stages: 50.
 */
export function neuronSelectivityLoss(student: Tensor4D, teacher: Tensor4D): Scalar {
  const [ours, theirs] = matchSizes(student, teacher).map(selectivity) as [Tensor, Tensor];
  return tf.sub(tf.add(kernel(theirs, theirs), kernel(ours, ours)), tf.mul(2, kernel(ours, theirs))).asScalar();
}
