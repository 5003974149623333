import { type CosineMargin, cosines, marginLogits } from '../runtime/ops/cosine-margin';
import { gatherRows } from '../runtime/ops/rows';
import type { Tensor, Tensor1D, Tensor2D } from '../runtime/tensorflow';
import type { Head, HeadDefinition } from './head';
import { normal } from './initialisers';
import type { Scope } from './scope';

/**
 * A head whose `weight` [inputs, classes] holds class centres. Its logits are scaled cosines; its training logits have a margin
 * between an example's own class and the others.
 * @param kind makes the margin. It may depend on a batch's embeddings, and keep statistics of them in the scope.
 */
export function marginHead(
  name: string,
  summary: string,
  published: { readonly scale: number; readonly margin: number },
  kind: (margin: number, scope: Scope) => CosineMargin | ((embedding: Tensor2D) => CosineMargin),
): HeadDefinition {
  return {
    name,
    summary,
    published,
    build(scope, { inputs, classes, scale = published.scale, margin = published.margin, classRows = false }) {
      const layout = { transposed: classRows };
      const centres = scope.weight('weight', [inputs, classes], normal(0.01), layout) as Tensor as Tensor2D;
      const made = kind(margin, scope);
      const marginFor = (embedding: Tensor2D) => (typeof made === 'function' ? made(embedding) : made);
      const over = (weight: Tensor2D, count: number): Head => {
        const cosinesOf = (embedding: Tensor2D) => cosines(embedding, weight, classRows ? 'rows' : 'columns');
        return {
          inputs,
          classes: count,
          cosineScale: scale,
          logits: (embedding) => cosinesOf(embedding).mul(scale),
          trainingLogits: (embedding, labels) =>
            marginLogits(cosinesOf(embedding), labels, { scale, margin: marginFor(embedding) }),
        };
      };
      const sampled = (sample: Tensor1D) => {
        const rows = gatherRows(centres, sample) as Tensor2D;
        return { ...over(rows, sample.size), sample, rows };
      };
      return { ...over(centres, classes), ...(classRows && { sampled }) };
    },
  };
}
