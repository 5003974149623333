import { embeddingDistance } from '../losses';
import { classificationTerms, defineMethod } from '../method';

/**
 * L2E: the student's embedding nears the teacher's on the sphere (arXiv 2201.06945; the reference's KDE). The reference
 * sums over the batch, so beta is per image; its weight for this method alone is not published.
 */
export default defineMethod('l2e', {
  aliases: ['kde'],
  summary: "the student's embedding follows the teacher's (L2 of normalised embeddings)",
  defaults: { beta: 0.02 },
  terms: (perception, settings) => ({
    ...classificationTerms(perception, settings),
    l2e: {
      weight: settings.beta,
      value: embeddingDistance(perception.projected, perception.teacher.embedding),
      summed: true,
    },
  }),
});
