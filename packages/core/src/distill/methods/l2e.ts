import { embeddingDistance } from '../losses/embedding-distance';
import { defineMethod } from '../method';

/**
 * L2E: the student's embedding nears the teacher's on the sphere. The reference sums over the batch, so beta is per
 * image; its weight for this method alone is not published.
 */
export default defineMethod('l2e', {
  aliases: ['kde'],
  summary: "the student's embedding follows the teacher's (L2 of normalised embeddings)",
  source: 'arXiv 2201.06945; HeadSharingKD kd_teacher_head/kdth.py, KDE',
  needs: ['embedding'],
  defaults: { beta: 0.02 },
  terms: ({ projected, teacher }, { beta }) => ({
    l2e: { weight: beta, value: embeddingDistance(projected, teacher.embedding), summed: true },
  }),
});
