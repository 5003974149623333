import { tf } from '../../runtime/tensorflow';
import { stageFeatures } from '../features';
import { activationBoundaryLosses } from '../losses/activation-boundary';
import { defineMethod } from '../method';
import { connector } from '../modules/connector';
import { backboneAnd } from '../pretraining';

/**
 * AB: in a pretraining phase the student, without its classifier, learns which neurons of each stage the teacher
 * activates. It adds no term to training proper.
 */
export default defineMethod('ab', {
  aliases: ['abound'],
  summary: "pretraining on the teacher's activation boundaries of every stage, then cross-entropy",
  source: 'Heo et al., arXiv 1811.03233; RepDistiller AB.py and helper/pretrain.py, 30 epochs',
  needs: ['features', 'preactivations'],
  defaults: { beta: 1 },
  hyper: { epochs: 30, margin: 1 },
  hyperRanges: { epochs: { whole: true } },
  build({ scope, student, teacher }, { beta, hyper: { epochs, margin } }) {
    const shapes = stageFeatures(student.features, teacher.features);
    const connect = connector(scope, shapes.student, shapes.teacher);
    return {
      terms: () => ({}),
      frozen: scope,
      pretraining: {
        epochs,
        moves: backboneAnd(scope),
        terms: (step) => {
          const maps = stageFeatures(step.student.preactivations, step.teacher.preactivations);
          const losses = activationBoundaryLosses(connect(maps.student, 'train'), maps.teacher, margin);
          return { ab: { weight: beta, value: tf.addN(losses).asScalar() } };
        },
      },
    };
  },
});
