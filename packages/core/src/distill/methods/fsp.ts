import { tf } from '../../runtime/tensorflow';
import { solutionFlowLosses } from '../losses/solution-flow';
import { defineMethod } from '../method';
import { backboneAnd } from '../pretraining';

/**
 * FSP: before training proper the student, without its classifier, learns how the teacher's maps go over into each
 * other. Both must have the same numbers of channels. In training proper the method has no part.
 */
export default defineMethod('fsp', {
  summary: "first how the teacher's stages go over into each other, then cross-entropy",
  source: 'Yim et al., CVPR 2017; RepDistiller FSP.py and helper/pretrain.py, 30 epochs',
  needs: ['features', 'equal-channels'],
  defaults: { beta: 1 },
  hyper: { epochs: 30 },
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
