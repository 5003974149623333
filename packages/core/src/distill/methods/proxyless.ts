import { defineMethod } from '../method';

/**
 * ProxylessKD: the student predicts through the teacher's frozen classifier and trains with the teacher's loss, margin
 * included, so that its embeddings are compared with the teacher's class centres.
 */
export default defineMethod('proxyless', {
  aliases: ['proxylesskd'],
  summary: "the student trains under the teacher's frozen head, with its margin, and predicts through it",
  source: 'Shi et al., arXiv 2011.00265; no code was published',
  needs: ['teacher-head'],
  defaults: { gamma: 1 },
  weighs: 'alpha',
  studentHead: 'linear',
  terms: () => ({}),
});
