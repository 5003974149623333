import { angularMargin } from '../../runtime/ops/cosine-margin';
import { marginHead } from '../margin-head';

const published = { scale: 64, margin: 0.5 };

/**
 * ArcFace (Deng et al., arXiv 1801.07698). `arcface` has the gradient of insightface's code, which its published results
 * come from: the margin shifts the loss but passes gradients as if it were not there. `arcface-exact` has the derivative.
 */
export default [
  marginHead('arcface', published, (margin) => angularMargin(margin, 'straight-through')),
  marginHead('arcface-exact', published, (margin) => angularMargin(margin, 'exact')),
];
