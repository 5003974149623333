import { contrast, publishedContrast } from '../contrast';
import { defineMethod } from '../method';

/** CRD: the student's embedding is told from many others by the teacher's, and the other way round. */
export default defineMethod('crd', {
  summary: "the student's embedding is told from many other images' by the teacher's",
  source: 'Tian et al., arXiv 1910.10699; RepDistiller crd/; -r 1 -a 1 -b 0.8 as HeadSharingKD runs it (-a 0 there)',
  needs: ['embedding', 'indices', 'randomness'],
  defaults: { gamma: 1, alpha: 1, beta: 0.8 },
  hyper: publishedContrast,
  build(context, { beta, hyper }) {
    const loss = contrast(context, hyper);
    return { terms: (step) => ({ crd: { weight: beta, value: loss(step) } }) };
  },
});
