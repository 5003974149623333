import { decoupledTerms } from '../losses/decoupled';
import { defineMethod } from '../method';

/**
 * DKD: KD's divergence in its two parts, own class against the others and among the others, each with a weight of its
 * own. mdistiller lets both rise to their weights over 20 epochs; here they have them from the start.
 */
export default defineMethod('dkd', {
  summary: 'decoupled KD: own class against the others, and among the others',
  source: 'Zhao et al., arXiv 2203.08679; mdistiller DKD.py, CIFAR-100: alpha 1, beta 8, T 4',
  needs: ['labels'],
  defaults: { beta: 1 },
  hyper: { target: 1, others: 8 },
  terms: ({ student, teacher, columns }, { beta, temperature, hyper }) => {
    const { target, others } = decoupledTerms(student.logits, teacher.logits, columns, temperature);
    return {
      'dkd-target': { weight: beta * hyper.target, value: target },
      'dkd-others': { weight: beta * hyper.others, value: others },
    };
  },
});
