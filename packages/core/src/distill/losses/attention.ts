import type { Scalar, Tensor4D } from '../../runtime/tensorflow';
import { attentionMap } from './attention-map';
import { matchSizes } from './match-sizes';
import { meanSquaredDifference } from './mean-squared-difference';

/**
 * Attention transfer (Zagoruyko and Komodakis, arXiv 1612.03928; RepDistiller's AT.py): the mean squared difference of
 * the attention maps of one level's maps [batch, h, w, c]. Sizes and channels may differ. Summed over the levels with
 * the published weight 1000.
 */
export function attentionLoss(student: Tensor4D, teacher: Tensor4D, exponent = 2): Scalar {
  const [ours, theirs] = matchSizes(student, teacher);
  return meanSquaredDifference(attentionMap(ours, exponent), attentionMap(theirs, exponent));
}
