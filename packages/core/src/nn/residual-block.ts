import type { Activation } from '../runtime/ops/activation';
import type { Tensor4D } from '../runtime/tensorflow';
import { type ConvolutionShape, convolutionNorm, type Mode } from './layers';
import type { Scope } from './scope';
import type { Block } from './stages';

export interface ResidualOptions {
  readonly stride: number;
  /** The name of the shortcut's convolution; default: 'downsample'. */
  readonly shortcut?: string;
}

/**
 * A block of a ResNet (He et al., arXiv 1512.03385): convolutions with batch norm, `conv1`, `bn1` and so on, with ReLU between
 * them, and the input added at the end; where that has another shape, through a 1x1 convolution.
 */
export function residualBlock(
  scope: Scope,
  shapes: readonly ConvolutionShape[],
  { stride, shortcut = 'downsample' }: ResidualOptions,
): Block {
  const layers = shapes.map((shape, i) => convolutionNorm(scope, [`conv${i + 1}`, `bn${i + 1}`], shape));
  const inputs = shapes[0]?.inputs ?? 0;
  const outputs = shapes.at(-1)?.outputs ?? 0;
  const project =
    stride !== 1 || inputs !== outputs
      ? convolutionNorm(scope.child(shortcut), ['0', '1'], { inputs, outputs, stride })
      : undefined;
  return scope.block((x: Tensor4D, mode: Mode, activation: Activation | undefined): Tensor4D => {
    const residual = project ? project(x, mode) : x;
    return layers.reduce((y, layer, index) => {
      const following = index === layers.length - 1 ? { activation, residual } : ({ activation: 'relu' } as const);
      return layer(y, mode, following);
    }, x);
  });
}

const threeByThree = { kernel: 3, padding: 1 } as const;

/** Two 3x3 convolutions, the first with the stride. */
export const basicShapes = (inputs: number, channels: number, stride: number): readonly ConvolutionShape[] => [
  { inputs, outputs: channels, stride, ...threeByThree },
  { inputs: channels, outputs: channels, ...threeByThree },
];

/** 1x1, 3x3 with the stride, and 1x1 to four times the channels. */
export const bottleneckShapes = (inputs: number, channels: number, stride: number): readonly ConvolutionShape[] => [
  { inputs, outputs: channels },
  { inputs: channels, outputs: channels, stride, ...threeByThree },
  { inputs: channels, outputs: 4 * channels },
];

export interface ResidualStages {
  readonly inputs: number;
  /** For each stage the number of blocks, and the channels inside them. */
  readonly stages: readonly (readonly [blocks: number, channels: number])[];
  readonly shapes: typeof basicShapes;
  readonly shortcut?: string;
}

/**
 * A ResNet's stages, `layer1.0`, `layer1.1` and so on: each stage after the first halves its map in its first block.
 * @returns also the channels of the last map
 */
export function residualStages(scope: Scope, { inputs: first, stages, shapes, shortcut }: ResidualStages) {
  let inputs = first;
  const layers = stages.map(([blocks, channels], stage) =>
    Array.from({ length: blocks }, (_, index) => {
      const stride = stage > 0 && index === 0 ? 2 : 1;
      const own = shapes(inputs, channels, stride);
      inputs = own.at(-1)?.outputs ?? 0;
      return residualBlock(scope.child(`layer${stage + 1}.${index}`), own, { stride, ...(shortcut && { shortcut }) });
    }),
  );
  return { layers, outputs: inputs };
}
