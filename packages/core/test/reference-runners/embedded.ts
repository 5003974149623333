import {
  deepEmbedding,
  linearEmbedding,
  linearRegressor,
  pooledEmbedding,
  unitEmbedding,
} from '../../src/distill/modules/embedding';
import type { Tensor, Tensor4D } from '../../src/runtime/tensorflow';
import type { Given } from './given';

/** The modules of models/util.py in a case: which one it is can be told from its parameters and the case's symbol. */
function kindOf({ from: { source, group } }: Given) {
  const words = `${source.symbol} ${group}`;
  if (/\bLinearEmbed\b/.test(words)) return linearEmbedding;
  if (/\bRegress\b/.test(words)) return linearRegressor;
  return /\b(Embed|CRD\w*)\b/.test(words) ? unitEmbedding : linearEmbedding;
}

/** The input `name` behind the embedding whose parameters are under `prefix`; as it is where the case has none. */
export function embedded(given: Given, name: string, prefix: string): () => Tensor {
  const x = given.input(name);
  const under = (layer: string) => `${prefix === '' ? '' : `${prefix}.`}${layer}.weight`;
  const has = (layer: string) => given.names(under(layer)).length > 0;
  const sizes = (layer: string) => given.shape(under(layer)) as [number, number];
  if (has('linear1')) {
    const [, inputs] = sizes('linear1');
    const embed = given.part(prefix, (scope) => deepEmbedding(scope, { inputs, outputs: sizes('linear2')[0] }));
    return () => embed(x);
  }
  if (has('embed.Linear')) {
    const [outputs, inputs] = sizes('embed.Linear');
    if (given.from.hyper.pool_type === 'max') throw new Error(`${given.from.id}: there is no adaptive max pooling.`);
    const channels = x.shape[3] ?? 1;
    const size = Math.sqrt(inputs / channels);
    const embed = given.part(prefix, (scope) => pooledEmbedding(scope, { channels, size, outputs }));
    return () => embed(x as Tensor as Tensor4D);
  }
  if (has('linear')) {
    const [outputs, inputs] = sizes('linear');
    const embed = given.part(prefix, (scope) => kindOf(given)(scope, { inputs, outputs }));
    return () => embed(x);
  }
  return () => x;
}

/** The prefix of the only embedding in a case, whatever it is called; undefined: there is none, or more than one. */
export function onlyEmbedding(given: Given): string | undefined {
  const layers = ['linear', 'linear1', 'embed.Linear'].map((layer) => `${layer}.weight`);
  const found = layers.flatMap((layer) => given.names(layer).map((name) => name.slice(0, -layer.length)));
  return found.length === 1 ? found[0]?.replace(/\.$/, '') : undefined;
}
