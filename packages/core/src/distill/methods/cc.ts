import { correlationLoss } from '../losses/correlation-congruence';
import { defineMethod } from '../method';
import { linearEmbedding } from '../modules/embedding';

/** CC, on both embeddings behind learned linear layers. */
export default defineMethod('cc', {
  aliases: ['correlation'],
  summary: 'correlations between neighbours in a batch, on learned linear maps of both embeddings',
  source: 'Peng et al., arXiv 1904.01802; RepDistiller CC.py, -a 0 -b 0.02',
  needs: ['embedding'],
  defaults: { beta: 0.02 },
  hyper: { dimension: 128 },
  hyperRanges: { dimension: { min: 1, whole: true } },
  build({ scope, student, teacher }, { beta, hyper: { dimension: outputs } }) {
    const ours = linearEmbedding(scope.child('embed_s'), { inputs: student.embeddingSize, outputs });
    const theirs = linearEmbedding(scope.child('embed_t'), { inputs: teacher.embeddingSize, outputs });
    return {
      terms: (step) => ({
        cc: { weight: beta, value: correlationLoss(ours(step.student.embedding), theirs(step.teacher.embedding)) },
      }),
    };
  },
});
