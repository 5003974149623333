/**
 * ShuffleNet V2 (Ma et al., arXiv 1807.11164) x1 for 32x32 images, as in RepDistiller's models/ShuffleNetv2.py: a 1x1 stem
 * without stride or pooling. The embedding is the pooled output of a last 1x1 convolution.
 */
import { activate } from '../../runtime/ops/activation';
import { channelShuffle } from '../../runtime/ops/channel-shuffle';
import { globalAveragePool } from '../../runtime/ops/pooling';
import { type Tensor4D, tf } from '../../runtime/tensorflow';
import { type BackboneDefinition, scaled } from '../backbone';
import { convolutionDefault as initialise } from '../initialisers';
import { type ConvolutionShape, convolutionNorm, type Mode } from '../layers';
import { cifar100 } from '../normalisation';
import type { Scope } from '../scope';

/** The halves of x [batch, h, w, c] by channels. */
const halves = (x: Tensor4D): [Tensor4D, Tensor4D] => tf.split(x, 2, 3) as [Tensor4D, Tensor4D];
const joined = (a: Tensor4D, b: Tensor4D): Tensor4D => tf.concat([a, b], 3);

const units = (scope: Scope) => (index: number, shape: ConvolutionShape) =>
  convolutionNorm(scope, [`conv${index}`, `bn${index}`], { ...shape, initialise });

/** Halves the resolution; both branches read all channels. */
function downBlock(scope: Scope, inputs: number, outputs: number) {
  const unit = units(scope);
  const half = outputs / 2;
  const window = { kernel: 3, stride: 2, padding: 1 };
  const leftSpatial = unit(1, { ...window, inputs, outputs: inputs, groups: inputs });
  const leftMix = unit(2, { inputs, outputs: half });
  const rightReduce = unit(3, { inputs, outputs: half });
  const rightSpatial = unit(4, { ...window, inputs: half, outputs: half, groups: half });
  const rightMix = unit(5, { inputs: half, outputs: half });
  return scope.block((x: Tensor4D, mode: Mode): Tensor4D => {
    const left = leftMix(leftSpatial(x, mode), mode, { activation: 'relu' });
    const right = rightSpatial(rightReduce(x, mode, { activation: 'relu' }), mode);
    return channelShuffle(joined(left, rightMix(right, mode, { activation: 'relu' })), 2);
  });
}

/** Passes one half of the channels through unchanged. */
function basicBlock(scope: Scope, channels: number) {
  const unit = units(scope);
  const half = channels / 2;
  const reduce = unit(1, { inputs: half, outputs: half });
  const spatial = unit(2, { inputs: half, outputs: half, kernel: 3, padding: 1, groups: half });
  const mix = unit(3, { inputs: half, outputs: half });
  const before = (right: Tensor4D, mode: Mode) => spatial(reduce(right, mode, { activation: 'relu' }), mode);
  return {
    apply: scope.block((x: Tensor4D, mode: Mode): Tensor4D => {
      const [left, right] = halves(x);
      return channelShuffle(joined(left, mix(before(right, mode), mode, { activation: 'relu' })), 2);
    }),
    /** The output before the shuffle, and before the activation of the half that has one. */
    preactivation: scope.block((x: Tensor4D, mode: Mode): Tensor4D => {
      const [left, right] = halves(x);
      return joined(left, mix(before(right, mode), mode));
    }),
    /** The output of `apply`, computed from `preactivation`. */
    activated(x: Tensor4D): Tensor4D {
      const [left, right] = halves(x);
      return channelShuffle(joined(left, activate(right, 'relu')), 2);
    },
  };
}

type Basic = ReturnType<typeof basicBlock>;

export default {
  name: 'shufflenet-v2',
  aliases: ['ShuffleV2'],
  inputSize: 32,
  normalisation: cifar100,
  classifier: 'linear',
  build(scope, { width }) {
    const unit = units(scope);
    const stem = scaled(24, width);
    const first = unit(1, { inputs: 3, outputs: stem });
    let inputs = stem;
    const stages = [3, 7, 3].map((blocks, stage) => {
      const layer = scope.child(`layer${stage + 1}`);
      const channels = scaled(116 * 2 ** stage, width, 2);
      const down = downBlock(layer.child('0'), inputs, channels);
      inputs = channels;
      const basic = Array.from({ length: blocks }, (_, index) => basicBlock(layer.child(`${index + 1}`), channels));
      return { down, between: basic.slice(0, -1), last: basic.at(-1) as Basic };
    });
    const embeddingSize = scaled(1024, width);
    const mix = unit(2, { inputs, outputs: embeddingSize });
    return {
      embeddingSize,
      apply(images, mode, { preactivations = false } = {}) {
        const features = [first(images, mode, { activation: 'relu' })];
        const before = [...features];
        for (const { down, between, last } of stages) {
          const opened = down(features.at(-1) as Tensor4D, mode);
          const x = between.reduce((y, block) => block.apply(y, mode), opened);
          if (preactivations) before.push(last.preactivation(x, mode));
          features.push(preactivations ? last.activated(before.at(-1) as Tensor4D) : last.apply(x, mode));
        }
        const embedding = globalAveragePool(mix(features.at(-1) as Tensor4D, mode, { activation: 'relu' }));
        return { features, embedding, ...(preactivations && { preactivations: before }) };
      },
    };
  },
} satisfies BackboneDefinition;
