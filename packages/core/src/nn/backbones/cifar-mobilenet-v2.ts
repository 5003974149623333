/**
 * MobileNetV2 (Sandler et al., arXiv 1801.04381) for 32x32 images, as in RepDistiller's models/mobilenetv2.py with expansion 6
 * and half the channels (`mobile_half`): ReLU instead of ReLU6, an expanding convolution in the first block too, and a last
 * convolution of 1280 channels, which is the pooled embedding. Its width there does not depend on the halving.
 *
 * Stages end without an activation, so preactivations are the features; the reference's `preact` changes nothing.
 */
import { globalAveragePool } from '../../runtime/ops/pooling';
import type { Tensor4D } from '../../runtime/tensorflow';
import { type BackboneDefinition, scaled } from '../backbone';
import { normal, zeros } from '../initialisers';
import { convolutionNorm, type Mode } from '../layers';
import { cifar100 } from '../normalisation';
import type { Scope } from '../scope';

/** The channels of the published network (before the halving), blocks, first block's stride, and whether it is a feature. */
const stages = [
  { channels: 16, blocks: 1, stride: 1, feature: false },
  { channels: 24, blocks: 2, stride: 1, feature: true },
  { channels: 32, blocks: 3, stride: 2, feature: true },
  { channels: 64, blocks: 4, stride: 2, feature: false },
  { channels: 96, blocks: 3, stride: 1, feature: true },
  { channels: 160, blocks: 3, stride: 2, feature: false },
  { channels: 320, blocks: 1, stride: 1, feature: true },
];

function invertedResidual(scope: Scope, inputs: number, inner: number, outputs: number, stride: number) {
  const expand = convolutionNorm(scope, ['0', '1'], { inputs, outputs: inner });
  const window = { kernel: 3, stride, padding: 1, groups: inner };
  const spatial = convolutionNorm(scope, ['3', '4'], { inputs: inner, outputs: inner, ...window });
  const reduce = convolutionNorm(scope, ['6', '7'], { inputs: inner, outputs });
  const skips = stride === 1 && inputs === outputs;
  return scope.block((x: Tensor4D, mode: Mode): Tensor4D => {
    const y = spatial(expand(x, mode, { activation: 'relu' }), mode, { activation: 'relu' });
    return reduce(y, mode, { residual: skips ? x : undefined });
  });
}

export default {
  name: 'cifar-mobilenet-v2',
  aliases: ['MobileNetV2'],
  inputSize: 32,
  normalisation: cifar100,
  classifier: 'classifier.0',
  classifierInitialisation: { initialise: normal(0.01), initialiseBias: zeros },
  build(scope, { width }) {
    let inputs = scaled(32 / 2, width);
    const stem = { inputs: 3, outputs: inputs, kernel: 3, stride: 2, padding: 1 };
    const first = convolutionNorm(scope.child('conv1'), ['0', '1'], stem);
    const layers = stages.map(({ channels, blocks, stride, feature }, stage) => {
      const outputs = scaled(channels / 2, width);
      const run = Array.from({ length: blocks }, (_, index) => {
        const inner = inputs * (stage === 0 ? 1 : 6);
        const block = scope.child(`blocks.${stage}.${index}.conv`);
        const one = invertedResidual(block, inputs, inner, outputs, index === 0 ? stride : 1);
        inputs = outputs;
        return one;
      });
      return { run, feature };
    });
    const embeddingSize = scaled(1280, width);
    const last = convolutionNorm(scope.child('conv2'), ['0', '1'], { inputs, outputs: embeddingSize });
    return {
      embeddingSize,
      apply(images, mode, { preactivations } = {}) {
        let x = first(images, mode, { activation: 'relu' });
        const features = [x];
        for (const { run, feature } of layers) {
          x = run.reduce((y, block) => block(y, mode), x);
          if (feature) features.push(x);
        }
        const embedding = globalAveragePool(last(x, mode, { activation: 'relu' }));
        return { features, embedding, ...(preactivations && { preactivations: features }) };
      },
    };
  },
} satisfies BackboneDefinition;
