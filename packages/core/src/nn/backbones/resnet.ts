/**
 * ResNets for ImageNet (He et al., arXiv 1512.03385, table 1), with the layers and names of torchvision's models/resnet.py: a
 * 7x7 stem of stride 2 and a max pool; bottlenecks have the stride in their 3x3 convolution. The embedding is the pooled last
 * map. Features: the stem before its max pool, and the four layers.
 */
import { maxPool2d } from '../../runtime/ops/pooling';
import { type BackboneDefinition, scaled } from '../backbone';
import { convolutionNorm } from '../layers';
import { imagenet } from '../normalisation';
import { basicShapes, bottleneckShapes, residualStages } from '../residual-block';
import { type Block, pooledStages } from '../stages';

/** A block that reads its input through the stem's max pool. */
const afterPool =
  (block: Block): Block =>
  (x, mode, activation) =>
    block(maxPool2d(x, { kernel: 3, stride: 2, padding: 1 }), mode, activation);

function resnet(name: string, shapes: typeof basicShapes, blocks: readonly number[]): BackboneDefinition {
  return {
    name,
    inputSize: 224,
    normalisation: imagenet,
    build(scope, { width }) {
      const inputs = scaled(64, width);
      const shape = { inputs: 3, outputs: inputs, kernel: 7, stride: 2, padding: 3 };
      const stem = convolutionNorm(scope, ['conv1', 'bn1'], shape);
      const stages = blocks.map((count, stage) => [count, scaled(64 * 2 ** stage, width)] as const);
      const { layers, outputs } = residualStages(scope, { inputs, stages, shapes });
      const pooled = layers.map((layer, stage) =>
        layer.map((block, index) => (stage === 0 && index === 0 ? afterPool(block) : block)),
      );
      return pooledStages(stem, pooled, outputs);
    },
  };
}

export default [
  resnet('resnet18', basicShapes, [2, 2, 2, 2]),
  resnet('resnet34', basicShapes, [3, 4, 6, 3]),
  resnet('resnet50', bottleneckShapes, [3, 4, 6, 3]),
  resnet('resnet101', bottleneckShapes, [3, 4, 23, 3]),
];
