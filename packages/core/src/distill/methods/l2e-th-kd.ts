import { embeddingDistance } from '../losses/differences';
import { defineMethod } from '../method';
import { sharedClassification, teacherHeadTerms } from '../teacher-head-terms';

/**
 * TH-KD and L2E together (L_rep = KDE + delta / beta KDTH, so delta weighs the teacher's head). In the paper's form the
 * distance of the embeddings is D: gamma CE' + alpha H' + beta D.
 */
export default defineMethod('l2e-th-kd', {
  aliases: ['kdeth'],
  summary: 'TH-KD and L2E together',
  source: 'arXiv 2201.06945; HeadSharingKD kd_teacher_head/kdth.py, KDETH; weights of its KDTH',
  needs: ['embedding', 'teacher-head'],
  defaults: { gamma: 1, alpha: 1.5, beta: 0.02, delta: 0.02 },
  classification: sharedClassification,
  terms: (step, settings) => ({
    ...teacherHeadTerms(step, settings, settings.delta),
    l2e: {
      weight: settings.beta,
      value: embeddingDistance(step.projected, step.teacher.embedding),
      summed: true,
    },
  }),
});
