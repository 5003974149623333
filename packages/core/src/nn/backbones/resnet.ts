/**
 * ResNets for ImageNet (He et al., arXiv 1512.03385, table 1), as torchvision's models/resnet.py builds them, whose names
 * they keep: a 7x7 stem of stride 2 and a max pool, and in bottlenecks the stride in the 3x3 convolution. The embedding
 * is the pooled last map. Features: the stem before its max pool, and the four layers.
 */
import { maxPool2d } from '../../runtime/ops/pooling';
import { type BackboneDefinition, scaled } from '../backbone';
import { convolutionNorm } from '../layers';
import { imagenet } from '../normalisation';
import { basicShapes, bottleneckShapes, residualBlock } from '../residual-block';
import { type Block, pooledStages } from '../stages';

/** A block that reads its input through the stem's max pool. */
const afterPool =
  (block: Block): Block =>
  (x, mode, activation) =>
    block(maxPool2d(x, { kernel: 3, stride: 2, padding: 1 }), mode, activation);

interface Kind {
  /** A block's outputs over the channels within. */
  readonly expansion: number;
  readonly shapes: typeof basicShapes;
}

const basic: Kind = { expansion: 1, shapes: basicShapes };
const bottleneck: Kind = { expansion: 4, shapes: bottleneckShapes };

type Blocks = readonly [number, number, number, number];

function resnet(name: string, { expansion, shapes }: Kind, blocks: Blocks): BackboneDefinition {
  return {
    name,
    inputSize: 224,
    normalisation: imagenet,
    build(scope, { width }) {
      const stem = scaled(64, width);
      const first = convolutionNorm(
        { convolution: scope.child('conv1'), norm: scope.child('bn1') },
        { inputs: 3, outputs: stem, kernel: 7, stride: 2, padding: 3 },
      );
      let inputs = stem;
      const layers = blocks.map((count, stage) => {
        const layer = scope.child(`layer${stage + 1}`);
        const channels = scaled(64 * 2 ** stage, width);
        return Array.from({ length: count }, (_, index) => {
          const stride = stage > 0 && index === 0 ? 2 : 1;
          const block = residualBlock(layer.child(`${index}`), shapes(inputs, channels, stride), { stride });
          inputs = expansion * channels;
          return stage === 0 && index === 0 ? afterPool(block) : block;
        });
      });
      return pooledStages(first, layers, inputs);
    },
  };
}

export default [
  resnet('resnet18', basic, [2, 2, 2, 2]),
  resnet('resnet34', basic, [3, 4, 6, 3]),
  resnet('resnet50', bottleneck, [3, 4, 6, 3]),
  resnet('resnet101', bottleneck, [3, 4, 23, 3]),
];
