import { decoupledTerms } from '../losses/decoupled';
import { defineMethod } from '../method';

/**
 * DKD: weighs the two parts of KD's divergence separately: TCKD (own class against the others) by alpha, NCKD (among the
 * others) by beta. mdistiller raises both weights over 20 epochs; here they are constant.
 */
export default defineMethod('dkd', {
  summary: 'decoupled KD: own class against the others, and among the others',
  source: 'Zhao et al., arXiv 2203.08679; mdistiller DKD.py, CIFAR-100: alpha 1, beta 8, T 4',
  needs: ['labels', 'logits'],
  defaults: { beta: 1 },
  hyper: { alpha: 1, beta: 8 },
  hyperAliases: { target: 'alpha', others: 'beta' },
  terms: ({ student, teacher, columns }, { beta, temperature, hyper }) => {
    const { target, others } = decoupledTerms(student.logits, teacher.logits, columns, temperature);
    return {
      'dkd-target': { weight: beta * hyper.alpha, value: target },
      'dkd-others': { weight: beta * hyper.beta, value: others },
    };
  },
});
