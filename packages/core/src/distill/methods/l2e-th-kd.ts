import { embeddingDistance } from '../losses';
import { classificationTerms, defineMethod } from '../method';
import { sharedTerms, teacherHeadDivergence } from './th-kd';

/**
 * TH-KD and L2E together (the reference's KDETH: L_rep = KDE + delta / beta KDTH, so delta weighs the teacher's head).
 * In the paper's form the embeddings' distance is its D: gamma CE' + alpha H' + beta D.
 */
export default defineMethod('l2e-th-kd', {
  aliases: ['kdeth'],
  summary: "the teacher's frozen head reads the student's embedding, which also follows the teacher's",
  defaults: { gamma: 1, alpha: 1.5, beta: 0.02, delta: 0.02 },
  terms: (perception, settings) => ({
    ...(settings.form === 'paper'
      ? sharedTerms(perception, settings)
      : {
          ...classificationTerms(perception, settings),
          'th-kd': { weight: settings.delta, value: teacherHeadDivergence(perception, settings.temperature) },
        }),
    l2e: {
      weight: settings.beta,
      value: embeddingDistance(perception.projected, perception.teacher.embedding),
      summed: true,
    },
  }),
});
