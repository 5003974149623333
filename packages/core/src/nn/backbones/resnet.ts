/**
 * ResNets for ImageNet (He et al., arXiv 1512.03385, table 1), as torchvision's models/resnet.py builds them, whose names
 * they keep: a 7x7 stem of stride 2 and a max pool, and in bottlenecks the stride in the 3x3 convolution. The embedding
 * is the pooled last map. Features: the stem before its max pool, and the four layers.
 */
import type { Activation } from '../../runtime/ops/activation';
import { globalAveragePool, maxPool2d } from '../../runtime/ops/pooling';
import type { Tensor4D } from '../../runtime/tensorflow';
import { type BackboneDefinition, scaled } from '../backbone';
import { type ConvolutionShape, convolutionNorm, type Mode } from '../layers';
import { imagenet } from '../normalisation';
import type { Scope } from '../scope';
import { type Block, runStages } from '../stages';

/** Convolutions with batch norm, ReLU between them, and the shortcut's sum at the end. */
function residualBlock(scope: Scope, shapes: readonly ConvolutionShape[], stride: number): Block {
  const layers = shapes.map((shape, index) =>
    convolutionNorm({ convolution: scope.child(`conv${index + 1}`), norm: scope.child(`bn${index + 1}`) }, shape),
  );
  const inputs = shapes[0]?.inputs ?? 0;
  const outputs = shapes.at(-1)?.outputs ?? 0;
  const shortcut = stride !== 1 || inputs !== outputs ? scope.child('downsample') : undefined;
  const project =
    shortcut &&
    convolutionNorm({ convolution: shortcut.child('0'), norm: shortcut.child('1') }, { inputs, outputs, stride });
  return scope.block((x: Tensor4D, mode: Mode, activation: Activation | undefined): Tensor4D => {
    const residual = project ? project(x, mode) : x;
    return layers.reduce((y, layer, index) => {
      const following = index === layers.length - 1 ? { activation, residual } : ({ activation: 'relu' } as const);
      return layer(y, mode, following);
    }, x);
  });
}

/** A block that reads its input through the stem's max pool. */
const afterPool =
  (block: Block): Block =>
  (x, mode, activation) =>
    block(maxPool2d(x, { kernel: 3, stride: 2, padding: 1 }), mode, activation);

const threeByThree = { kernel: 3, padding: 1 } as const;

interface Kind {
  /** A block's outputs over the channels within. */
  readonly expansion: number;
  /** The convolutions of a block with `channels` within. */
  shapes(inputs: number, channels: number, stride: number): readonly ConvolutionShape[];
}

const basic: Kind = {
  expansion: 1,
  shapes: (inputs, channels, stride) => [
    { inputs, outputs: channels, stride, ...threeByThree },
    { inputs: channels, outputs: channels, ...threeByThree },
  ],
};

const bottleneck: Kind = {
  expansion: 4,
  shapes: (inputs, channels, stride) => [
    { inputs, outputs: channels },
    { inputs: channels, outputs: channels, stride, ...threeByThree },
    { inputs: channels, outputs: 4 * channels },
  ],
};

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
          const block = residualBlock(layer.child(`${index}`), shapes(inputs, channels, stride), stride);
          inputs = expansion * channels;
          return stage === 0 && index === 0 ? afterPool(block) : block;
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
}

export default [
  resnet('resnet18', basic, [2, 2, 2, 2]),
  resnet('resnet34', basic, [3, 4, 6, 3]),
  resnet('resnet50', bottleneck, [3, 4, 6, 3]),
  resnet('resnet101', bottleneck, [3, 4, 23, 3]),
];
