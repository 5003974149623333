import { classificationTerms } from './classification-terms';
import type { MethodSettings, StepContext, Term, Terms } from './method';

/** KL divergence between the teacher's softened logits and those of its head for the student's embedding, times T^2. */
export function teacherHeadDivergence(
  { teacher, teacherHead, projected, divergence }: StepContext,
  temperature: number,
): Term['value'] {
  return divergence(teacherHead(projected), teacher.logits, temperature);
}

/**
 * Cross-entropy and KD of a method that shares the teacher's head. In the paper's form they are CE' and H': (1 - share)
 * of each goes through the student's head, the rest through the teacher's.
 */
export function sharedClassification(step: StepContext, settings: MethodSettings): Terms {
  if (settings.form === 'reference') return classificationTerms(step, settings);
  const { teacherHead, projected, crossEntropy } = step;
  const { gamma, alpha, temperature, teacherHeadShare: share } = settings;
  return {
    ...classificationTerms(step, { ...settings, gamma: (1 - share) * gamma, alpha: (1 - share) * alpha }),
    'th-ce': { weight: share * gamma, value: crossEntropy(teacherHead(projected)) },
    'th-kd': { weight: share * alpha, value: teacherHeadDivergence(step, temperature) },
  };
}

/** The reference's KDTH; in the paper's form it is already part of H'. */
export function teacherHeadTerms(step: StepContext, { form, temperature }: MethodSettings, weight: number): Terms {
  return form === 'paper' ? {} : { 'th-kd': { weight, value: teacherHeadDivergence(step, temperature) } };
}
