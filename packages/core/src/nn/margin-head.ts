import { type CosineMargin, cosines, marginLogits } from '../runtime/ops/cosine-margin';
import type { Tensor, Tensor2D } from '../runtime/tensorflow';
import type { HeadDefinition } from './head';
import { normal } from './initialisers';

/**
 * A head whose `weight` [inputs, classes] holds class centres. Its logits are scaled cosines; those it is trained by
 * have a margin between an example's own class and the others.
 */
export function marginHead(
  name: string,
  published: { readonly scale: number; readonly margin: number },
  kind: (margin: number) => CosineMargin,
): HeadDefinition {
  return {
    name,
    build(scope, { inputs, classes, scale = published.scale, margin = published.margin }) {
      const centres = scope.weight('weight', [inputs, classes], normal(0.01)) as Tensor as Tensor2D;
      const options = { scale, margin: kind(margin) };
      return {
        inputs,
        classes,
        logits: (embedding) => cosines(embedding, centres).mul(scale),
        trainingLogits: (embedding, labels) => marginLogits(cosines(embedding, centres), labels, options),
      };
    },
  };
}
