/**
 * ShuffleNet (Zhang et al., arXiv 1707.01083) with three groups for 32x32 images, as in RepDistiller's models/ShuffleNetv1.py:
 * a 1x1 stem without stride or pooling, and ReLU after the depthwise convolution too. The embedding is the pooled last map.
 */
import type { Activation } from '../../runtime/ops/activation';
import { channelShuffle } from '../../runtime/ops/channel-shuffle';
import { averagePool2d } from '../../runtime/ops/pooling';
import { type Tensor4D, tf } from '../../runtime/tensorflow';
import { type BackboneDefinition, scaled } from '../backbone';
import { convolutionDefault as initialise } from '../initialisers';
import { type ConvolutionShape, convolutionNorm, type Mode } from '../layers';
import { cifar100 } from '../normalisation';
import type { Scope } from '../scope';
import { type Block, pooledStages } from '../stages';

const groups = 3;
/** A quarter of a block's outputs, its inner channels, must make whole groups. */
const multiple = 4 * groups;

interface ShuffleShape {
  readonly inputs: number;
  /** Without the shortcut's channels, which a block of stride 2 appends. */
  readonly outputs: number;
  readonly stride: 1 | 2;
  /** The first convolution's groups. */
  readonly groups: number;
}

function shuffleBlock(scope: Scope, shape: ShuffleShape): Block {
  const { inputs, outputs, stride } = shape;
  const inner = outputs / 4;
  const unit = (name: string, own: ConvolutionShape) =>
    convolutionNorm(scope, [`conv${name}`, `bn${name}`], { ...own, initialise });
  const reduce = unit('1', { inputs, outputs: inner, groups: shape.groups });
  const spatial = unit('2', { inputs: inner, outputs: inner, kernel: 3, stride, padding: 1, groups: inner });
  const expand = unit('3', { inputs: inner, outputs, groups });
  return scope.block((x: Tensor4D, mode: Mode, activation: Activation | undefined): Tensor4D => {
    const reduced = channelShuffle(reduce(x, mode, { activation: 'relu' }), shape.groups);
    const y = spatial(reduced, mode, { activation: 'relu' });
    if (stride === 1) return expand(y, mode, { activation, residual: x });
    // The shortcut is a mean of outputs of ReLU, which another ReLU would not change.
    const shortcut = averagePool2d(x, { kernel: 3, stride: 2, padding: 1 });
    return tf.concat([expand(y, mode, { activation }), shortcut], 3);
  });
}

export default {
  name: 'shufflenet-v1',
  aliases: ['ShuffleV1'],
  inputSize: 32,
  normalisation: cifar100,
  classifier: 'linear',
  build(scope, { width }) {
    const stem = scaled(24, width, multiple);
    const first = convolutionNorm(scope, ['conv1', 'bn1'], { inputs: 3, outputs: stem, initialise });
    let inputs = stem;
    const layers = [4, 8, 4].map((blocks, stage) => {
      const layer = scope.child(`layer${stage + 1}`);
      // The first block adds channels to its input's: at least one group's worth, even in a narrow network.
      const channels = Math.max(scaled(240 * 2 ** stage, width, multiple), inputs + multiple);
      return Array.from({ length: blocks }, (_, index) => {
        const opening = index === 0;
        const shape: ShuffleShape = {
          inputs,
          outputs: opening ? channels - inputs : channels,
          stride: opening ? 2 : 1,
          groups: opening && stage === 0 ? 1 : groups,
        };
        inputs = channels;
        return shuffleBlock(layer.child(`${index}`), shape);
      });
    });
    return pooledStages(first, layers, inputs);
  },
} satisfies BackboneDefinition;
