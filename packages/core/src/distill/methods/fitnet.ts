import { featureAt } from '../features';
import { meanSquaredDifference } from '../losses/differences';
import { defineMethod } from '../method';
import { convolutionalRegressor } from '../modules/convolutional-regressor';

/** FitNets: one of the student's feature maps, through a learned regressor, matches the teacher's (the hint). */
export default defineMethod('fitnet', {
  aliases: ['hint'],
  summary: "a hint: one feature map matches the teacher's, through a learned regressor",
  source: 'Romero et al., arXiv 1412.6550; RepDistiller FitNet.py, -a 0 -b 100',
  needs: ['features'],
  defaults: { beta: 100 },
  hyper: { layer: 2 },
  hyperRanges: { layer: { whole: true } },
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
