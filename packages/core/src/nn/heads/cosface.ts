import { additiveMargin } from '../../runtime/ops/cosine-margin';
import { marginHead } from '../margin-head';

/** CosFace (Wang et al., arXiv 1801.09414), with insightface's scale and margin. */
export default marginHead(
  'cosface',
  'CosFace (arXiv 1801.09414): subtracts a margin from the cosine',
  { scale: 64, margin: 0.4 },
  additiveMargin,
);
