import { angularMargin } from '../../runtime/ops/cosine-margin';
import { marginHead } from '../margin-head';

const published = { scale: 64, margin: 0.5 };

/**
 * ArcFace (Deng et al., arXiv 1801.07698). `arcface` has the gradient of insightface's code and its published results: the
 * margin shifts the loss, but gradients ignore it. `arcface-exact` has the exact derivative.
 */
export default [
  marginHead(
    'arcface',
    'ArcFace (arXiv 1801.07698): adds a margin to the angle; gradients as in the code of insightface',
    published,
    (margin) => angularMargin(margin, 'straight-through'),
  ),
  marginHead('arcface-exact', 'ArcFace with the exact derivative of its margin', published, (margin) =>
    angularMargin(margin, 'exact'),
  ),
];
