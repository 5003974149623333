import { type EmbeddingShape, linearEmbedding, unitEmbedding } from '../../src/distill/modules/embedding';
import { flatten, linear } from '../../src/nn/layers';
import type { Scope } from '../../src/nn/scope';
import { activate } from '../../src/runtime/ops/activation';
import { l2Normalise } from '../../src/runtime/ops/normalise';
import { adaptiveAveragePool2d } from '../../src/runtime/ops/pooling';
import type { Tensor, Tensor2D, Tensor4D } from '../../src/runtime/tensorflow';
import type { Given } from './given';

/** The module of the reference's models/util.py that a case uses: its symbol and group name the module. */
function kindOf({ from: { source, group } }: Given) {
  const words = `${source.symbol} ${group}`;
  if (/\bLinearEmbed\b/.test(words)) return linearEmbedding;
  if (/\bRegress\b/.test(words)) return linearRegressor;
  return /\b(Embed|CRD\w*)\b/.test(words) ? unitEmbedding : linearEmbedding;
}

/** Applies the embedding whose parameters are under `prefix` to the input `name`; without parameters, returns the input. */
export function embedded(given: Given, name: string, prefix: string): () => Tensor {
  const x = given.input(name);
  const under = (layer: string) => `${prefix === '' ? '' : `${prefix}.`}${layer}.weight`;
  const has = (layer: string) => given.names(under(layer)).length > 0;
  const sizes = (layer: string) => given.shape(under(layer)) as [number, number];
  if (has('linear1')) {
    const [, inputs] = sizes('linear1');
    const embed = given.module(prefix, (scope) => deepEmbedding(scope, { inputs, outputs: sizes('linear2')[0] }));
    return () => embed(x);
  }
  if (has('embed.Linear')) {
    const [outputs, inputs] = sizes('embed.Linear');
    if (given.from.hyper.pool_type === 'max') throw new Error(`${given.from.id}: there is no adaptive max pooling.`);
    const channels = x.shape[3] ?? 1;
    const size = Math.sqrt(inputs / channels);
    const embed = given.module(prefix, (scope) => pooledEmbedding(scope, { channels, size, outputs }));
    return () => embed(x as Tensor as Tensor4D);
  }
  if (has('linear')) {
    const [outputs, inputs] = sizes('linear');
    const embed = given.module(prefix, (scope) => kindOf(given)(scope, { inputs, outputs }));
    return () => embed(x);
  }
  return () => x;
}

/** The prefix of the only embedding in a case; undefined if there is none, or more than one. */
export function onlyEmbedding(given: Given): string | undefined {
  const layers = ['linear', 'linear1', 'embed.Linear'].map((layer) => `${layer}.weight`);
  const found = layers.flatMap((layer) => given.names(layer).map((name) => name.slice(0, -layer.length)));
  return found.length === 1 ? found[0]?.replace(/\.$/, '') : undefined;
}

// The reference has these modules, but no method here uses them.

/** Two linear layers, `linear1.*` and `linear2.*`, with ReLU between; scaled to length 1 (MLPEmbed). */
function deepEmbedding(scope: Scope, { inputs, outputs }: EmbeddingShape): (x: Tensor) => Tensor2D {
  const first = linear(scope.child('linear1'), { inputs, outputs: 2 * outputs });
  const second = linear(scope.child('linear2'), { inputs: 2 * outputs, outputs });
  return (x) => l2Normalise(second(activate(first(x.rank === 4 ? flatten(x as Tensor4D) : (x as Tensor2D)), 'relu')));
}

/** A linear layer, `linear.*`, and ReLU (Regress). */
function linearRegressor(scope: Scope, shape: EmbeddingShape): (x: Tensor) => Tensor2D {
  const layer = linearEmbedding(scope, shape);
  return (x) => activate(layer(x), 'relu');
}

/** A linear layer `embed.Linear.*` on maps averaged to `size` x `size`; scaled to length 1 (PoolEmbed). */
function pooledEmbedding(
  scope: Scope,
  { channels, size, outputs }: { readonly channels: number; readonly size: number; readonly outputs: number },
): (x: Tensor4D) => Tensor2D {
  const layer = linear(scope.child('embed').child('Linear'), { inputs: channels * size * size, outputs });
  return (x) => l2Normalise(layer(flatten(adaptiveAveragePool2d(x, [size, size]))));
}
