import { tf } from '../../runtime/tensorflow';
import { stagesOf } from '../features';
import { attentionLoss } from '../losses/attention';
import { defineMethod } from '../method';

/** AT: the attention maps of each stage match the teacher's. */
export default defineMethod('at', {
  aliases: ['attention'],
  summary: 'attention maps of every stage',
  source: 'Zagoruyko and Komodakis, arXiv 1612.03928; RepDistiller AT.py, -a 0 -b 1000',
  needs: ['features'],
  defaults: { beta: 1000 },
  terms: ({ student, teacher }, { beta }) => {
    const levels = stagesOf(student, teacher);
    const losses = levels.student.map((map, i) => attentionLoss(map, levels.teacher[i] as typeof map));
    return { at: { weight: beta, value: tf.addN(losses).asScalar() } };
  },
});
