/**
 * The bottleneck ResNet-50 (He et al., arXiv 1512.03385) for 32x32 images, as in RepDistiller's models/resnetv2.py: a 3x3 stem
 * without stride or pooling, and the stride in a block's 3x3 convolution. The embedding is the pooled last map.
 */
import { type BackboneDefinition, scaled } from '../backbone';
import { convolutionNorm } from '../layers';
import { cifar100 } from '../normalisation';
import { bottleneckShapes, residualStages } from '../residual-block';
import { pooledStages } from '../stages';

export default {
  name: 'cifar-resnet50',
  aliases: ['ResNet50'],
  inputSize: 32,
  normalisation: cifar100,
  classifier: 'linear',
  build(scope, { width }) {
    const inputs = scaled(64, width);
    const stem = convolutionNorm(scope, ['conv1', 'bn1'], { inputs: 3, outputs: inputs, kernel: 3, padding: 1 });
    const stages = [3, 4, 6, 3].map((blocks, stage) => [blocks, scaled(64 * 2 ** stage, width)] as const);
    const shape = { inputs, stages, shapes: bottleneckShapes, shortcut: 'shortcut' };
    const { layers, outputs } = residualStages(scope, shape);
    return pooledStages(stem, layers, outputs);
  },
} satisfies BackboneDefinition;
