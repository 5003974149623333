/**
 * Wide residual networks (Zagoruyko and Komodakis, arXiv 1605.07146), as in RepDistiller's models/wrn.py: wrn_d_k has depth
 * d = 6n + 4 and k times the channels. Batch norm and ReLU come before a block's convolutions, so stages end in a sum; the
 * activation after it belongs to the next stage's first block, or to the pooling. There is no dropout, as by default in the
 * reference. The embedding is the pooled map after a last batch norm and ReLU.
 */
import { activate } from '../../runtime/ops/activation';
import { globalAveragePool } from '../../runtime/ops/pooling';
import { type Tensor4D, tf } from '../../runtime/tensorflow';
import { type BackboneDefinition, scaled } from '../backbone';
import { zeros } from '../initialisers';
import { batchNorm, convolution, convolutionNorm, type Mode } from '../layers';
import { cifar100 } from '../normalisation';
import type { Scope } from '../scope';

interface Block {
  /** Takes the map before it. */
  readonly apply: (x: Tensor4D, mode: Mode) => Tensor4D;
  /** The block's first batch norm, without its activation. */
  readonly norm: (x: Tensor4D, mode: Mode) => Tensor4D;
  /** Takes the output of `norm`; only for a block that projects its input, and so needs nothing else. */
  readonly applyAfterNorm: (x: Tensor4D, mode: Mode) => Tensor4D;
}

function preactivationBlock(scope: Scope, inputs: number, outputs: number, stride: number): Block {
  const norm = batchNorm(scope.child('bn1'), inputs);
  const first = convolutionNorm(scope, ['conv1', 'bn2'], { inputs, outputs, kernel: 3, stride, padding: 1 });
  const second = convolution(scope.child('conv2'), { inputs: outputs, outputs, kernel: 3, padding: 1 });
  const project =
    stride !== 1 || inputs !== outputs
      ? convolution(scope.child('convShortcut'), { inputs, outputs, stride })
      : undefined;
  const rest = (active: Tensor4D, x: Tensor4D, mode: Mode): Tensor4D => {
    const y = second(first(active, mode, { activation: 'relu' }));
    // A projected shortcut starts after batch norm and ReLU, any other before.
    return tf.add(project ? project(active) : x, y);
  };
  return {
    apply: scope.block((x: Tensor4D, mode: Mode) => rest(norm(x, mode, { activation: 'relu' }), x, mode)),
    norm,
    applyAfterNorm: scope.block((x: Tensor4D, mode: Mode) => rest(activate(x, 'relu'), x, mode)),
  };
}

function wideResNet(depth: number, widening: number): BackboneDefinition {
  return {
    name: `wrn_${depth}_${widening}`,
    inputSize: 32,
    normalisation: cifar100,
    classifierInitialisation: { initialiseBias: zeros },
    build(scope, { width }) {
      const stem = scaled(16, width);
      const conv1 = convolution(scope.child('conv1'), { inputs: 3, outputs: stem, kernel: 3, padding: 1 });
      let inputs = stem;
      const stages = [16, 32, 64].map((channels, stage) => {
        const layer = scope.child(`block${stage + 1}`).child('layer');
        const outputs = scaled(channels * widening, width);
        return Array.from({ length: (depth - 4) / 6 }, (_, index) => {
          const one = preactivationBlock(layer.child(`${index}`), inputs, outputs, stage > 0 && index === 0 ? 2 : 1);
          inputs = outputs;
          return one;
        });
      });
      const bn1 = batchNorm(scope.child('bn1'), inputs);
      return {
        embeddingSize: inputs,
        apply(images, mode, { preactivations = false } = {}) {
          const features = [conv1(images)];
          const normed = [...features];
          for (const [stage, blocks] of stages.entries()) {
            const map = features.at(-1) as Tensor4D;
            const [opening, ...others] = blocks as [Block, ...Block[]];
            // The norm runs once. The reference runs it again for the preactivations, which updates running statistics twice.
            const apart = preactivations && stage > 0;
            if (apart) normed.push(opening.norm(map, mode));
            const opened = apart ? opening.applyAfterNorm(normed.at(-1) as Tensor4D, mode) : opening.apply(map, mode);
            features.push(others.reduce((x, block) => block.apply(x, mode), opened));
          }
          const last = features.at(-1) as Tensor4D;
          if (!preactivations) {
            return { features, embedding: globalAveragePool(bn1(last, mode, { activation: 'relu' })) };
          }
          normed.push(bn1(last, mode));
          const embedding = globalAveragePool(activate(normed.at(-1) as Tensor4D, 'relu'));
          return { features, preactivations: normed, embedding };
        },
      };
    },
  };
}

export default [wideResNet(16, 1), wideResNet(16, 2), wideResNet(40, 1), wideResNet(40, 2)];
