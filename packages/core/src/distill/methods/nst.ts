import { tf } from '../../runtime/tensorflow';
import { stagesOf } from '../features';
import { neuronSelectivityLoss } from '../losses/neuron-selectivity';
import { defineMethod } from '../method';

/** NST: the channels' activation patterns in each stage have the teacher's distribution. */
export default defineMethod('nst', {
  summary: 'the distribution of activation patterns over the channels of every stage',
  source: 'Huang and Wang, arXiv 1707.01219; RepDistiller NST.py, -a 0 -b 50',
  needs: ['features'],
  defaults: { beta: 50 },
  terms: ({ student, teacher }, { beta }) => {
    const levels = stagesOf(student, teacher);
    const losses = levels.student.map((map, i) => neuronSelectivityLoss(map, levels.teacher[i] as typeof map));
    return { nst: { weight: beta, value: tf.addN(losses).asScalar() } };
  },
});
