/**
 * The bottleneck ResNet-50 (He et al., arXiv 1512.03385) for 32x32 images, as RepDistiller's models/resnetv2.py builds it:
 * a 3x3 stem without stride or pooling, the stride in a block's 3x3 convolution. The embedding is the pooled last map.
 */
import type { Activation } from '../../runtime/ops/activation';
import { globalAveragePool } from '../../runtime/ops/pooling';
import type { Tensor4D } from '../../runtime/tensorflow';
import { type BackboneDefinition, scaled } from '../backbone';
import { type ConvolutionShape, convolutionNorm, type Mode } from '../layers';
import { cifar100 } from '../normalisation';
import type { Scope } from '../scope';
import { type Block, runStages } from '../stages';

interface BottleneckShape {
  readonly inputs: number;
  readonly inner: number;
  readonly outputs: number;
  readonly stride: number;
}

function bottleneck(scope: Scope, { inputs, inner, outputs, stride }: BottleneckShape): Block {
  const unit = (name: string, shape: ConvolutionShape) =>
    convolutionNorm({ convolution: scope.child(`conv${name}`), norm: scope.child(`bn${name}`) }, shape);
  const reduce = unit('1', { inputs, outputs: inner });
  const spatial = unit('2', { inputs: inner, outputs: inner, kernel: 3, stride, padding: 1 });
  const expand = unit('3', { inputs: inner, outputs });
  const shortcut = stride !== 1 || inputs !== outputs ? scope.child('shortcut') : undefined;
  const project =
    shortcut &&
    convolutionNorm({ convolution: shortcut.child('0'), norm: shortcut.child('1') }, { inputs, outputs, stride });
  return scope.block((x: Tensor4D, mode: Mode, activation: Activation | undefined): Tensor4D => {
    const residual = project ? project(x, mode) : x;
    const y = spatial(reduce(x, mode, { activation: 'relu' }), mode, { activation: 'relu' });
    return expand(y, mode, { activation, residual });
  });
}

const resnet50: BackboneDefinition = {
  name: 'cifar-resnet50',
  aliases: ['ResNet50'],
  inputSize: 32,
  normalisation: cifar100,
  classifier: 'linear',
  build(scope, { width }) {
    const stem = scaled(64, width);
    const first = convolutionNorm(
      { convolution: scope.child('conv1'), norm: scope.child('bn1') },
      { inputs: 3, outputs: stem, kernel: 3, padding: 1 },
    );
    let inputs = stem;
    const layers = [3, 4, 6, 3].map((blocks, stage) => {
      const layer = scope.child(`layer${stage + 1}`);
      const inner = scaled(64 * 2 ** stage, width);
      return Array.from({ length: blocks }, (_, index) => {
        const shape = { inputs, inner, outputs: 4 * inner, stride: stage > 0 && index === 0 ? 2 : 1 };
        inputs = shape.outputs;
        return bottleneck(layer.child(`${index}`), shape);
      });
    });
    return {
      embeddingSize: inputs,
      apply(images, mode, options) {
        const stem = first(images, mode, { activation: 'relu' });
        const maps = runStages(stem, layers, mode, { ...options, activation: 'relu' });
        return { ...maps, embedding: globalAveragePool(maps.features.at(-1) as Tensor4D) };
      },
    };
  },
};

export default resnet50;
