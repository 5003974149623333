/**
 * ResNets for 32x32 images (He et al., arXiv 1512.03385, section 4.2), as in RepDistiller's models/resnet.py: depth = 6n + 2;
 * the x4 ones have four times the channels, and twice as many in the stem. The embedding is the pooled last map.
 */
import { type BackboneDefinition, scaled } from '../backbone';
import { convolutionNorm } from '../layers';
import { cifar100 } from '../normalisation';
import { basicShapes, residualStages } from '../residual-block';
import { pooledStages } from '../stages';

function cifarResNet(name: string, depth: number, channels: readonly [number, number, number, number]) {
  return {
    name,
    inputSize: 32,
    normalisation: cifar100,
    build(scope, { width }) {
      const [inputs, ...inner] = channels.map((count) => scaled(count, width)) as [number, ...number[]];
      const stem = convolutionNorm(scope, ['conv1', 'bn1'], { inputs: 3, outputs: inputs, kernel: 3, padding: 1 });
      const stages = inner.map((count) => [(depth - 2) / 6, count] as const);
      const { layers, outputs } = residualStages(scope, { inputs, stages, shapes: basicShapes });
      return pooledStages(stem, layers, outputs);
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
