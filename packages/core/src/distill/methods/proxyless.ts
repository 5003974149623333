import { defineMethod } from '../method';

/**
 * ProxylessKD: the student predicts through the teacher's classifier, which never moves, and trains by the loss that the
 * teacher was trained with, margin included. Its embeddings are then compared with the teacher's class centres, not with
 * a copy of its own.
 */
export default defineMethod('proxyless', {
  aliases: ['proxylesskd'],
  summary: "the student trains under the teacher's frozen head, by its margin, and predicts through it",
  source: 'Shi et al., arXiv 2011.00265; no code was published',
  needs: ['teacher-head'],
  defaults: { gamma: 1 },
  weighs: 'alpha',
  studentHead: 'linear',
  terms: () => ({}),
});
