/** What takes features of two networks to one space (RepDistiller's models/util.py and crd/criterion.py). */
import { flatten } from '../../nn/flatten';
import { linear } from '../../nn/layers';
import type { Scope } from '../../nn/scope';
import { activate } from '../../runtime/ops/activation';
import { l2Normalise } from '../../runtime/ops/normalise';
import { adaptiveAveragePool2d } from '../../runtime/ops/pooling';
import type { Tensor, Tensor2D, Tensor4D } from '../../runtime/tensorflow';

export interface EmbeddingShape {
  /** Of the flattened features. */
  readonly inputs: number;
  readonly outputs: number;
}

/** Features [batch, d] as they are, maps [batch, h, w, c] flattened in PyTorch's order. */
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

/** Two linear layers, `linear1.*` and `linear2.*`, with ReLU between, and length 1 (MLPEmbed). */
export function deepEmbedding(scope: Scope, { inputs, outputs }: EmbeddingShape): Embedding {
  const first = linear(scope.child('linear1'), { inputs, outputs: 2 * outputs });
  const second = linear(scope.child('linear2'), { inputs: 2 * outputs, outputs });
  return (x) => l2Normalise(second(activate(first(rows(x)), 'relu')));
}

/** A linear layer, `linear.*`, and ReLU (Regress). */
export function linearRegressor(scope: Scope, shape: EmbeddingShape): Embedding {
  const layer = linearEmbedding(scope, shape);
  return (x) => activate(layer(x), 'relu');
}

/** Maps averaged to `size` x `size`, a linear layer `embed.Linear.*`, and length 1 (PoolEmbed). */
export function pooledEmbedding(
  scope: Scope,
  { channels, size, outputs }: { readonly channels: number; readonly size: number; readonly outputs: number },
): (x: Tensor4D) => Tensor2D {
  const layer = linear(scope.child('embed').child('Linear'), { inputs: channels * size * size, outputs });
  return (x) => l2Normalise(layer(flatten(adaptiveAveragePool2d(x, [size, size]))));
}
