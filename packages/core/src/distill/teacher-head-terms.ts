import { distillationDivergence } from '../runtime/ops/cross-entropy';
import { classificationTerms } from './classification-terms';
import type { MethodSettings, StepContext, Term, Terms } from './method';

/** KL between the teacher's logits and its head's logits for the student's embedding, softened, times T^2. */
export function teacherHeadDivergence(
  { teacher, teacherHead, projected }: StepContext,
  temperature: number,
): Term['value'] {
  return distillationDivergence(teacherHead(projected), teacher.logits, temperature);
}

/**
 * Cross-entropy and KD of a method that shares the teacher's head. In the paper's form they are CE' and H': the
 * student's head has (1 - share) of each, the teacher's the rest.
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

/** The reference's KDTH with a weight of its own; in the paper's form it is part of H' already. */
export function teacherHeadTerms(step: StepContext, { form, temperature }: MethodSettings, weight: number): Terms {
  return form === 'paper' ? {} : { 'th-kd': { weight, value: teacherHeadDivergence(step, temperature) } };
}
