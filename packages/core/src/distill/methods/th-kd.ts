import { defineMethod } from '../method';
import { sharedClassification, teacherHeadTerms } from '../teacher-head-terms';

/**
 * TH-KD: the teacher's frozen head reads the student's embedding, and must predict what it predicts for the teacher's
 * own (section 3.1).
 *
 * reference: gamma CE(p_s) + alpha KD(p_s) + beta KD(p_TH).
 * paper: gamma CE' + alpha H', where each is (1 - share) of the student's head and share of the teacher's.
 */
export default defineMethod('th-kd', {
  aliases: ['kdth'],
  summary: "the teacher's frozen head reads the student's embedding",
  source: 'arXiv 2201.06945; HeadSharingKD kd_teacher_head/kdth.py, KDTH, -r 1 -a 1.5 -b 0.02',
  needs: ['teacher-head'],
  defaults: { gamma: 1, alpha: 1.5, beta: 0.02 },
  classification: sharedClassification,
  terms: (step, settings) => teacherHeadTerms(step, settings, settings.beta),
});
