import { distLoss } from '../losses/dist';
import { defineMethod } from '../method';

/** DIST: predictions correlate with the teacher's, by image and by class; their values may differ. */
export default defineMethod('dist', {
  summary: "correlation with the teacher's predictions, by image and by class",
  source: 'Huang et al., arXiv 2205.10536; torchdistill DISTLoss, its ImageNet run: beta 1, gamma 1, tau 1, weight 2',
  needs: ['logits'],
  defaults: { beta: 2, temperature: 1 },
  hyper: { inter: 1, intra: 1 },
  terms: ({ student, teacher }, { beta, temperature, hyper: { inter, intra } }) => ({
    dist: {
      weight: beta,
      value: distLoss(student.logits, teacher.logits, { beta: inter, gamma: intra, temperature }),
    },
  }),
});
