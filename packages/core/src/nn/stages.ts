import { type Activation, activate } from '../runtime/ops/activation';
import type { Following } from '../runtime/ops/batch-norm';
import { globalAveragePool } from '../runtime/ops/pooling';
import type { Tensor4D } from '../runtime/tensorflow';
import type { ApplyOptions, Backbone, BackboneOutput } from './backbone';
import type { Mode } from './layers';

/** A block whose last step is an activation, done with what is before it; none: its output is the map before that. */
export type Block = (x: Tensor4D, mode: Mode, activation: Activation | undefined) => Tensor4D;

/**
 * Runs stages of blocks that all end in `activation`, one behind the other, on a stem's map.
 * Only where preactivations are asked for is the last activation of a stage a pass of its own.
 */
export function runStages(
  stem: Tensor4D,
  stages: readonly (readonly Block[])[],
  mode: Mode,
  { activation, preactivations = false }: ApplyOptions & { readonly activation: Activation },
): Pick<BackboneOutput, 'features' | 'preactivations'> {
  const features = [stem];
  const before = [stem];
  for (const blocks of stages) {
    const input = features.at(-1) as Tensor4D;
    const output = blocks.reduce((x, block, index) => {
      const last = preactivations && index === blocks.length - 1;
      return block(x, mode, last ? undefined : activation);
    }, input);
    features.push(preactivations ? activate(output, activation) : output);
    if (preactivations) before.push(output);
  }
  return preactivations ? { features, preactivations: before } : { features };
}

/** A backbone of a stem and stages that all end in ReLU, whose embedding is the pooled last map. */
export function pooledStages(
  stem: (images: Tensor4D, mode: Mode, following: Following) => Tensor4D,
  stages: readonly (readonly Block[])[],
  embeddingSize: number,
): Backbone {
  return {
    embeddingSize,
    apply(images, mode, options) {
      const first = stem(images, mode, { activation: 'relu' });
      const maps = runStages(first, stages, mode, { ...options, activation: 'relu' });
      return { ...maps, embedding: globalAveragePool(maps.features.at(-1) as Tensor4D) };
    },
  };
}
