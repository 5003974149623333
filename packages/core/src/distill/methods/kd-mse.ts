import { probabilityDistance } from '../losses/differences';
import { defineMethod } from '../method';

/** The mean squared difference between the two networks' probabilities. Its weight is not published. */
export default defineMethod('kd-mse', {
  aliases: ['kdmse'],
  summary: "squared difference from the teacher's probabilities",
  source: 'HeadSharingKD distiller_zoo/MSE.py, DistillMSE',
  needs: ['logits'],
  defaults: { beta: 1 },
  terms: ({ student, teacher }, { beta }) => ({
    'kd-mse': { weight: beta, value: probabilityDistance(student.logits, teacher.logits) },
  }),
});
