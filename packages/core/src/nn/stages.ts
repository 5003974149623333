import { type Activation, activate } from '../runtime/ops/activation';
import type { Following } from '../runtime/ops/batch-norm';
import { globalAveragePool } from '../runtime/ops/pooling';
import type { Tensor4D } from '../runtime/tensorflow';
import type { Backbone } from './backbone';
import type { Mode } from './layers';

/** A block that ends in `activation`, or before it where this is undefined. */
export type Block = (x: Tensor4D, mode: Mode, activation: Activation | undefined) => Tensor4D;

/**
 * A backbone of a stem and stages of blocks that all end in ReLU; its embedding is the pooled last map. The last ReLU of each
 * stage is a separate pass only where preactivations are requested.
 */
export function pooledStages(
  stem: (images: Tensor4D, mode: Mode, following: Following) => Tensor4D,
  stages: readonly (readonly Block[])[],
  embeddingSize: number,
): Backbone {
  return {
    embeddingSize,
    apply(images, mode, { preactivations: separate = false } = {}) {
      const features = [stem(images, mode, { activation: 'relu' })];
      const preactivations = [...features];
      for (const blocks of stages) {
        const input = features.at(-1) as Tensor4D;
        const output = blocks.reduce((x, block, index) => {
          const last = separate && index === blocks.length - 1;
          return block(x, mode, last ? undefined : 'relu');
        }, input);
        features.push(separate ? activate(output, 'relu') : output);
        preactivations.push(output);
      }
      const embedding = globalAveragePool(features.at(-1) as Tensor4D);
      return { features, embedding, ...(separate && { preactivations }) };
    },
  };
}
