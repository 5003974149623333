import { probabilityDistance } from '../losses/probability-distance';
import { defineMethod } from '../method';

/** The student's probabilities themselves follow the teacher's, by their mean squared difference. Its weight is not published. */
export default defineMethod('kd-mse', {
  aliases: ['kdmse'],
  summary: "the teacher's probabilities, by their squared difference",
  source: 'HeadSharingKD distiller_zoo/MSE.py, DistillMSE',
  defaults: { beta: 1 },
  terms: ({ student, teacher }, { beta }) => ({
    'kd-mse': { weight: beta, value: probabilityDistance(student.logits, teacher.logits) },
  }),
});
