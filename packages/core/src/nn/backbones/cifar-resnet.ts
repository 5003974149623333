/**
 * ResNets for 32x32 images (He et al., arXiv 1512.03385, section 4.2), as RepDistiller's models/resnet.py builds them:
 * depth = 6n + 2; the x4 ones are four times as wide with half as wide a stem. The embedding is the pooled last map.
 */
import type { Activation } from '../../runtime/ops/activation';
import { globalAveragePool } from '../../runtime/ops/pooling';
import type { Tensor4D } from '../../runtime/tensorflow';
import { type BackboneDefinition, scaled } from '../backbone';
import { convolutionNorm, type Mode } from '../layers';
import { cifar100 } from '../normalisation';
import type { Scope } from '../scope';
import { type Block, runStages } from '../stages';

function basicBlock(scope: Scope, inputs: number, outputs: number, stride: number): Block {
  const at = (name: string) => ({ convolution: scope.child(`conv${name}`), norm: scope.child(`bn${name}`) });
  const first = convolutionNorm(at('1'), { inputs, outputs, kernel: 3, stride, padding: 1 });
  const second = convolutionNorm(at('2'), { inputs: outputs, outputs, kernel: 3, padding: 1 });
  const shortcut = stride !== 1 || inputs !== outputs ? scope.child('downsample') : undefined;
  const project =
    shortcut &&
    convolutionNorm({ convolution: shortcut.child('0'), norm: shortcut.child('1') }, { inputs, outputs, stride });
  return scope.block((x: Tensor4D, mode: Mode, activation: Activation | undefined): Tensor4D => {
    const residual = project ? project(x, mode) : x;
    return second(first(x, mode, { activation: 'relu' }), mode, { activation, residual });
  });
}

function cifarResNet(name: string, depth: number, channels: readonly [number, number, number, number]) {
  return {
    name,
    inputSize: 32,
    normalisation: cifar100,
    build(scope, { width }) {
      const blocks = (depth - 2) / 6;
      const [stem, ...stages] = channels.map((count) => scaled(count, width)) as [number, ...number[]];
      const first = convolutionNorm(
        { convolution: scope.child('conv1'), norm: scope.child('bn1') },
        { inputs: 3, outputs: stem, kernel: 3, padding: 1 },
      );
      let inputs = stem;
      const layers = stages.map((outputs, stage) => {
        const layer = scope.child(`layer${stage + 1}`);
        return Array.from({ length: blocks }, (_, index) => {
          const block = basicBlock(layer.child(`${index}`), inputs, outputs, stage > 0 && index === 0 ? 2 : 1);
          inputs = outputs;
          return block;
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
  } satisfies BackboneDefinition;
}

const narrow = [16, 16, 32, 64] as const;
const wide = [32, 64, 128, 256] as const;

export default [
  ...[8, 14, 20, 32, 44, 56, 110].map((depth) => cifarResNet(`resnet${depth}`, depth, narrow)),
  cifarResNet('resnet8x4', 8, wide),
  cifarResNet('resnet32x4', 32, wide),
];
