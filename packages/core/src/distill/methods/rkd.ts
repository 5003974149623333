import { relationalTerms } from '../losses/relational';
import { defineMethod } from '../method';

/** RKD: distances and angles between the embeddings of a batch. */
export default defineMethod('rkd', {
  summary: 'distances and angles between the embeddings of a batch',
  source: 'Park et al., arXiv 1904.05068; RepDistiller RKD.py, -a 0 -b 1, distances 25, angles 50',
  needs: ['embedding'],
  defaults: { beta: 1 },
  hyper: { distances: 25, angles: 50 },
  terms: ({ student, teacher }, { beta, hyper: { distances, angles } }) => {
    const { distance, angle } = relationalTerms(student.embedding, teacher.embedding);
    return {
      'rkd-distance': { weight: beta * distances, value: distance },
      'rkd-angle': { weight: beta * angles, value: angle },
    };
  },
});
