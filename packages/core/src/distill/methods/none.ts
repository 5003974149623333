import { defineMethod } from '../method';

/** The student alone: cross-entropy. */
export default defineMethod('none', {
  summary: 'no distillation: the student alone',
  source: "the reference's train_student without --distill",
  defaults: {},
  terms: () => ({}),
});
