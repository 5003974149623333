import { probabilisticLoss } from '../losses/probabilistic';
import { defineMethod } from '../method';

/** PKT: the probabilities that images of a batch pick one another as neighbours, by their embeddings. */
export default defineMethod('pkt', {
  summary: 'probabilities that the images of a batch pick one another as neighbours',
  source: 'Passalis and Tefas, arXiv 1803.10837; RepDistiller PKT.py, -a 0 -b 30000',
  needs: ['embedding'],
  defaults: { beta: 30000 },
  terms: ({ student, teacher }, { beta }) => ({
    pkt: { weight: beta, value: probabilisticLoss(student.embedding, teacher.embedding) },
  }),
});
