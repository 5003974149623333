import { defineMethod } from '../method';

/** The student alone: cross-entropy. */
export default defineMethod('none', {
  summary: 'no distillation: the student alone',
  defaults: {},
  terms: ({ studentCrossEntropy }, { gamma }) => ({ ce: { weight: gamma, value: studentCrossEntropy() } }),
});
