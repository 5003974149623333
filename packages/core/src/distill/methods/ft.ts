import { featureAt } from '../features';
import { meanSquaredDifference } from '../losses/differences';
import { factorLoss } from '../losses/factor-transfer';
import { defineMethod } from '../method';
import { paraphraser, translator } from '../modules/factor';
import { partsOf } from '../pretraining';

/**
 * FT: an autoencoder, the paraphraser, first learns factors of the teacher's last feature map and is then frozen; the
 * student learns to produce those factors through a translator.
 */
export default defineMethod('ft', {
  aliases: ['factor'],
  summary: "factors of the teacher's last feature map, found by a pretrained autoencoder",
  source: 'Kim et al., arXiv 1802.04977; RepDistiller FT.py and helper/pretrain.py, -a 0 -b 200, 30 epochs',
  needs: ['features'],
  defaults: { beta: 200 },
  hyper: { epochs: 30, rate: 0.01, share: 0.5 },
  hyperRanges: { epochs: { whole: true }, rate: { above: 0 }, share: { above: 0 } },
  build({ scope, student, teacher }, { beta, hyper: { epochs, rate, share } }) {
    const [ours, theirs] = [student.features.length - 1, teacher.features.length - 1];
    const shape = featureAt(teacher.features, theirs, 'teacher');
    const translate = translator(scope.child('translator'), featureAt(student.features, ours, 'student'), shape, {
      share,
    });
    const paraphrasing = scope.child('paraphraser');
    const paraphrase = paraphraser(paraphrasing, shape, { share });
    return {
      terms: (step) => {
        const factor = translate(featureAt(step.student.features, ours, 'student'), 'train');
        const wanted = paraphrase.encode(featureAt(step.teacher.features, theirs, 'teacher'), 'eval');
        return { ft: { weight: beta, value: factorLoss(factor, wanted) } };
      },
      frozen: paraphrasing,
      pretraining: {
        epochs,
        learningRate: rate,
        student: 'eval',
        moves: partsOf(paraphrasing),
        terms: (step) => {
          const map = featureAt(step.teacher.features, theirs, 'teacher');
          const given = paraphrase.decode(paraphrase.encode(map, 'train'), 'train');
          return { paraphraser: { weight: 1, value: meanSquaredDifference(given, map) } };
        },
      },
    };
  },
});
