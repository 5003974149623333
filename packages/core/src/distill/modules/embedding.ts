/** Learned maps that bring the features of two networks to one space (RepDistiller's models/util.py, crd/criterion.py). */
import { flatten, linear } from '../../nn/layers';
import type { Scope } from '../../nn/scope';
import { l2Normalise } from '../../runtime/ops/normalise';
import type { Tensor, Tensor2D, Tensor4D } from '../../runtime/tensorflow';

export interface EmbeddingShape {
  /** The length of the flattened features. */
  readonly inputs: number;
  readonly outputs: number;
}

/** Features [batch, d] unchanged; feature maps [batch, h, w, c] flattened in PyTorch's order. */
const rows = (x: Tensor): Tensor2D => (x.rank === 4 ? flatten(x as Tensor4D) : (x as Tensor2D));

type Embedding = (x: Tensor) => Tensor2D;

/** Correlation congruence's embedding: a linear layer, `linear.*` (LinearEmbed). Published: 128 outputs. */
export function linearEmbedding(scope: Scope, shape: EmbeddingShape): Embedding {
  const layer = linear(scope.child('linear'), shape);
  return (x) => layer(rows(x));
}

/** Contrastive distillation's embedding: a linear layer, `linear.*`, and length 1 (Embed). Published: 128 outputs. */
export function unitEmbedding(scope: Scope, shape: EmbeddingShape): Embedding {
  const layer = linearEmbedding(scope, shape);
  return (x) => l2Normalise(layer(x));
}
