import { contrast, contrastAliases, contrastRanges, publishedContrast } from '../contrast';
import { defineMethod } from '../method';

/** CRD: each network's embedding of an image is contrasted with many of the other network's embeddings. */
export default defineMethod('crd', {
  summary: "contrast with the teacher's embeddings of many other images",
  source: 'Tian et al., arXiv 1910.10699; RepDistiller crd/; -r 1 -a 1 -b 0.8 as HeadSharingKD runs it (-a 0 there)',
  needs: ['embedding', 'indices', 'randomness'],
  defaults: { gamma: 1, alpha: 1, beta: 0.8 },
  hyper: publishedContrast,
  hyperRanges: contrastRanges,
  hyperAliases: contrastAliases,
  build(context, { beta, hyper }) {
    const loss = contrast(context, hyper);
    return { terms: (step) => ({ crd: { weight: beta, value: loss(step) } }) };
  },
});
