import { distillationDivergence } from '../runtime/ops/cross-entropy';
import { classificationTerms } from './classification-terms';
import type { MethodSettings, Perception, Term, Terms } from './method';

/** KL between the teacher's logits and its head's logits for the student's embedding, softened, times T^2. */
export function teacherHeadDivergence(
  { teacher, teacherHead, projected }: Perception,
  temperature: number,
): Term['value'] {
  return distillationDivergence(teacherHead(projected), teacher.logits, temperature);
}

/**
 * Cross-entropy and KD of a method that shares the teacher's head. In the paper's form they are CE' and H': the
 * student's head has (1 - share) of each, the teacher's the rest.
 */
export function sharedClassification(perception: Perception, settings: MethodSettings): Terms {
  if (settings.form === 'reference') return classificationTerms(perception, settings);
  const { teacherHead, projected, crossEntropy } = perception;
  const { gamma, alpha, temperature, teacherHeadShare: share } = settings;
  return {
    ...classificationTerms(perception, { ...settings, gamma: (1 - share) * gamma, alpha: (1 - share) * alpha }),
    'th-ce': { weight: share * gamma, value: crossEntropy(teacherHead(projected)) },
    'th-kd': { weight: share * alpha, value: teacherHeadDivergence(perception, temperature) },
  };
}

/** The reference's KDTH with a weight of its own; in the paper's form it is part of H' already. */
export function teacherHeadTerms(perception: Perception, { form, temperature }: MethodSettings, weight: number): Terms {
  return form === 'paper' ? {} : { 'th-kd': { weight, value: teacherHeadDivergence(perception, temperature) } };
}
