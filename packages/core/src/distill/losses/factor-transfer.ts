import { type Scalar, type Tensor4D, tf } from '../../runtime/tensorflow';
import { absolute } from './absolute';
import { attentionMap, power } from './attention-map';
import { matchSizes } from './match-sizes';

export interface FactorOptions {
  /** The power that a factor's values are taken to before the mean over channels. */
  readonly p1?: number;
  /** 1: absolute differences; otherwise the differences to this power. */
  readonly p2?: number;
}

/**
 * Factor transfer (Kim et al., arXiv 1802.04977; RepDistiller's FT.py): the mean difference of the maps of a translator's
 * and a paraphraser's factor, [batch, h, w, c] each. Published weight 200.
 */
export function factorLoss(student: Tensor4D, teacher: Tensor4D, { p1 = 2, p2 = 1 }: FactorOptions = {}): Scalar {
  const [ours, theirs] = matchSizes(student, teacher);
  const difference = tf.sub(attentionMap(ours, p1), attentionMap(theirs, p1));
  return tf.mean(p2 === 1 ? absolute(difference) : power(difference, p2)).asScalar();
}
