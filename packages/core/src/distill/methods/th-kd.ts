import { distillationDivergence } from '../../runtime/ops/cross-entropy';
import { classificationTerms, defineMethod, type MethodSettings, type Perception, type Term } from '../method';

/**
 * TH-KD: the teacher's frozen head reads the student's embedding, and must predict what it predicts for the teacher's
 * own (arXiv 2201.06945, section 3.1; the reference's KDTH, weights of its published command).
 *
 * reference: gamma CE(p_s) + alpha KD(p_s) + beta KD(p_TH).
 * paper: gamma CE' + alpha H', where each is (1 - share) of the student's head and share of the teacher's.
 */
export default defineMethod('th-kd', {
  aliases: ['kdth'],
  summary: "the teacher's frozen head reads the student's embedding",
  defaults: { gamma: 1, alpha: 1.5, beta: 0.02 },
  terms: (perception, settings) =>
    settings.form === 'paper'
      ? sharedTerms(perception, settings)
      : {
          ...classificationTerms(perception, settings),
          'th-kd': { weight: settings.beta, value: teacherHeadDivergence(perception, settings.temperature) },
        },
});

/** KL between the teacher's logits and its head's logits for the student's embedding, softened, times T^2. */
export function teacherHeadDivergence(
  { teacher, teacherHead, projected }: Perception,
  temperature: number,
): Term['value'] {
  return distillationDivergence(teacherHead(projected), teacher.logits, temperature);
}

/** The paper's CE' and H': the two heads share each term. */
export function sharedTerms(perception: Perception, settings: MethodSettings): Record<string, Term> {
  const { teacherHead, projected, crossEntropy } = perception;
  const { gamma, alpha, temperature, teacherHeadShare: share } = settings;
  return {
    ...classificationTerms(perception, { ...settings, gamma: (1 - share) * gamma, alpha: (1 - share) * alpha }),
    'th-ce': { weight: share * gamma, value: crossEntropy(teacherHead(projected)) },
    'th-kd': { weight: share * alpha, value: teacherHeadDivergence(perception, temperature) },
  };
}
