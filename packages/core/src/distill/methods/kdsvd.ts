import { tf } from '../../runtime/tensorflow';
import { stagesOf } from '../features';
import { singularVectorLosses } from '../losses/singular-vectors';
import { defineMethod } from '../method';

/**
 * KDSVD: relations between the singular vectors of neighbouring stages. The loss depends on the signs of the teacher's
 * singular vectors, which an SVD routine may choose; here they are those with a positive sum (see `singularVectorLosses`).
 */
export default defineMethod('kdsvd', {
  summary: 'relations between singular vectors of neighbouring stages',
  source: 'Lee et al., ECCV 2018; RepDistiller KDSVD.py, -a 0 -b 1',
  needs: ['features', 'equal-channels'],
  defaults: { beta: 1 },
  hyper: { count: 1 },
  hyperRanges: { count: { min: 1, whole: true } },
  terms: ({ student, teacher }, { beta, hyper: { count } }) => {
    const levels = stagesOf(student, teacher);
    const losses = singularVectorLosses(levels.student, levels.teacher, { count });
    return { kdsvd: { weight: beta, value: tf.addN(losses).asScalar() } };
  },
});
