import { meanOfAll } from '../../runtime/ops/sum-of-all';
import { type Scalar, type Tensor4D, tf } from '../../runtime/tensorflow';
import { attentionMap, power } from './attention';
import { absolute, matchSizes } from './differences';

export interface FactorOptions {
  /** Exponent of a factor's values before the mean over channels. */
  readonly p1?: number;
  /** Exponent of the differences; 1: absolute differences. */
  readonly p2?: number;
}

/**
 * Factor transfer (Kim et al., arXiv 1802.04977; RepDistiller's FT.py): the mean difference between the attention maps of
 * the translator's and the paraphraser's factor, [batch, h, w, c] each. Published weight 200.
 */
export function factorLoss(student: Tensor4D, teacher: Tensor4D, { p1 = 2, p2 = 1 }: FactorOptions = {}): Scalar {
  const [ours, theirs] = matchSizes(student, teacher);
  const difference = tf.sub(attentionMap(ours, p1), attentionMap(theirs, p1));
  return meanOfAll(p2 === 1 ? absolute(difference) : power(difference, p2));
}
