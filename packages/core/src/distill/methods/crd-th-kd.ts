import { contrast, contrastAliases, contrastRanges, publishedContrast } from '../contrast';
import { defineMethod } from '../method';
import { sharedClassification, teacherHeadTerms } from '../teacher-head-terms';

/** TH-KD and CRD together (L_rep = CRD + delta / beta KDTH, so delta weighs the teacher's head). */
export default defineMethod('crd-th-kd', {
  aliases: ['crdth'],
  summary: 'TH-KD and CRD together',
  source: 'arXiv 2201.06945; HeadSharingKD kd_teacher_head/kdth.py, CRDTH, -r 0.9 -a 1 -b 0.8 -d 0.02',
  needs: ['embedding', 'teacher-head', 'indices', 'randomness'],
  defaults: { gamma: 0.9, alpha: 1, beta: 0.8, delta: 0.02 },
  hyper: publishedContrast,
  hyperRanges: contrastRanges,
  hyperAliases: contrastAliases,
  classification: sharedClassification,
  build(context, settings) {
    const loss = contrast(context, settings.hyper);
    return {
      terms: (step) => ({
        ...teacherHeadTerms(step, settings, settings.delta),
        crd: { weight: settings.beta, value: loss(step) },
      }),
    };
  },
});
