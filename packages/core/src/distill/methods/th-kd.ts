import { defineMethod } from '../method';
import { sharedClassification, teacherHeadTerms } from '../teacher-head-terms';

/**
 * TH-KD: the teacher's frozen head predicts from the student's embedding; the prediction must match the one for the
 * teacher's embedding (section 3.1).
 *
 * reference: gamma CE(p_s) + alpha KD(p_s) + beta KD(p_TH).
 * paper: gamma CE' + alpha H', each of them (1 - share) through the student's head and share through the teacher's.
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
