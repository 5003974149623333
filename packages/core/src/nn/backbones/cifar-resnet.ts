/**
 * ResNets for 32x32 images (He et al., arXiv 1512.03385, section 4.2), as RepDistiller's models/resnet.py builds them:
 * depth = 6n + 2; the x4 ones are four times as wide with half as wide a stem. The embedding is the pooled last map.
 */
import { type BackboneDefinition, scaled } from '../backbone';
import { convolutionNorm } from '../layers';
import { cifar100 } from '../normalisation';
import { basicShapes, residualBlock } from '../residual-block';
import { pooledStages } from '../stages';

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
          const stride = stage > 0 && index === 0 ? 2 : 1;
          const block = residualBlock(layer.child(`${index}`), basicShapes(inputs, outputs, stride), { stride });
          inputs = outputs;
          return block;
        });
      });
      return pooledStages(first, layers, inputs);
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
