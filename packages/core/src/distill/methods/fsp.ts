import { tf } from '../../runtime/tensorflow';
import { solutionFlowLosses } from '../losses/solution-flow';
import { defineMethod } from '../method';
import { backboneAnd } from '../pretraining';

/**
 * FSP: in a pretraining phase the student, without its classifier, learns the products of neighbouring feature maps of the
 * teacher. Both networks need the same numbers of channels. It adds no term to training proper.
 */
export default defineMethod('fsp', {
  summary: "pretraining on products of the teacher's neighbouring stages, then cross-entropy",
  source: 'Yim et al., CVPR 2017; RepDistiller FSP.py and helper/pretrain.py, 30 epochs',
  needs: ['features', 'equal-channels'],
  defaults: { beta: 1 },
  hyper: { epochs: 30 },
  hyperRanges: { epochs: { whole: true } },
  build: ({ scope }, { beta, hyper: { epochs } }) => ({
    terms: () => ({}),
    pretraining: {
      epochs,
      moves: backboneAnd(scope),
      terms: ({ student, teacher }) => {
        const count = Math.min(student.features.length, teacher.features.length);
        const losses = solutionFlowLosses(student.features.slice(0, count), teacher.features.slice(0, count));
        return { fsp: { weight: beta, value: tf.addN(losses).asScalar() } };
      },
    },
  }),
});
