import { classificationTerms, defineMethod } from '../method';

/** Hinton et al., arXiv 1503.02531: the student's softened predictions follow the teacher's. RepDistiller's weights. */
export default defineMethod('kd', {
  summary: "the teacher's softened predictions (Hinton et al.)",
  defaults: { gamma: 0.1, alpha: 0.9 },
  terms: classificationTerms,
});
