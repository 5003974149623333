import { embeddingDistance } from '../losses/differences';
import { defineMethod } from '../method';

/**
 * L2E: the student's normalised embedding approaches the teacher's. The reference sums over the batch, so beta is a weight
 * per image; no weight is published for this method alone.
 */
export default defineMethod('l2e', {
  aliases: ['kde'],
  summary: 'L2 distance between the normalised embeddings',
  source: 'arXiv 2201.06945; HeadSharingKD kd_teacher_head/kdth.py, KDE',
  needs: ['embedding'],
  defaults: { beta: 0.02 },
  terms: ({ projected, teacher }, { beta }) => ({
    l2e: { weight: beta, value: embeddingDistance(projected, teacher.embedding), summed: true },
  }),
});
