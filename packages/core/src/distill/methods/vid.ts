import { tf } from '../../runtime/tensorflow';
import { stageFeatures, stagesOf } from '../features';
import { matchSizes } from '../losses/differences';
import { variationalLoss } from '../losses/variational';
import { defineMethod } from '../method';
import { variationalRegressor } from '../modules/variational-regressor';

/** VID: each stage's feature map predicts the teacher's by a normal distribution with learned mean and variance. */
export default defineMethod('vid', {
  summary: "prediction of the teacher's feature maps of every stage, with a learned variance",
  source: 'Ahn et al., arXiv 1904.05835; RepDistiller VID.py, -a 0 -b 1',
  needs: ['features'],
  defaults: { beta: 1 },
  build({ scope, student, teacher }, { beta }) {
    const shapes = stageFeatures(student.features, teacher.features);
    const regressors = shapes.student.map(({ channels: inputs }, i) => {
      const outputs = (shapes.teacher[i] as (typeof shapes.teacher)[number]).channels;
      return variationalRegressor(scope.child(`${i}`), { inputs, outputs });
    });
    return {
      terms: (step) => {
        const levels = stagesOf(step.student, step.teacher);
        const losses = regressors.map(({ mean, logScale }, i) => {
          const [ours, theirs] = matchSizes(levels.student[i] as never, levels.teacher[i] as never);
          return variationalLoss(mean(ours), theirs, logScale);
        });
        return { vid: { weight: beta, value: tf.addN(losses).asScalar() } };
      },
    };
  },
});
