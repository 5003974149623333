import type { MethodSettings, StepContext, Term } from './method';

/** gamma CE(student) + alpha KD(student, teacher): the terms that all methods of the reference share. */
export function classificationTerms(
  { student, teacher, studentCrossEntropy, divergence }: StepContext,
  { gamma, alpha, temperature }: MethodSettings,
): Record<string, Term> {
  return {
    ...(gamma === 0 ? {} : { ce: { weight: gamma, value: studentCrossEntropy() } }),
    ...(alpha === 0 ? {} : { kd: { weight: alpha, value: divergence(student.logits, teacher.logits, temperature) } }),
  };
}
