import { defineMethod } from '../method';

/** The student's softened predictions match the teacher's: gamma CE + alpha KD and no other term. */
export default defineMethod('kd', {
  summary: "the teacher's softened predictions (Hinton et al.)",
  source: 'arXiv 1503.02531; RepDistiller distiller_zoo/KD.py, -r 0.1 -a 0.9',
  defaults: { gamma: 0.1, alpha: 0.9 },
  weighs: 'alpha',
  terms: () => ({}),
});
