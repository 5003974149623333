import { featureAt } from '../features';
import { meanSquaredDifference } from '../losses/mean-squared-difference';
import { defineMethod } from '../method';
import { convolutionalRegressor } from '../modules/convolutional-regressor';

/** FitNets: a map of the student's, through a regressor that learns with it, equals the teacher's (the hint). */
export default defineMethod('fitnet', {
  aliases: ['hint'],
  summary: "a hint: one map follows the teacher's, through a regressor",
  source: 'Romero et al., arXiv 1412.6550; RepDistiller FitNet.py, -a 0 -b 100',
  needs: ['features'],
  defaults: { beta: 100 },
  hyper: { layer: 2 },
  build({ scope, student, teacher }, { beta, hyper: { layer } }) {
    const regress = convolutionalRegressor(
      scope,
      featureAt(student.features, layer, 'student'),
      featureAt(teacher.features, layer, 'teacher'),
    );
    return {
      terms: (step) => {
        const ours = regress(featureAt(step.student.features, layer, 'student'), 'train');
        const theirs = featureAt(step.teacher.features, layer, 'teacher');
        return { fitnet: { weight: beta, value: meanSquaredDifference(ours, theirs) } };
      },
    };
  },
});
