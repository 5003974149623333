import type { Activation } from '../runtime/ops/activation';
import type { Tensor4D } from '../runtime/tensorflow';
import { type ConvolutionShape, convolutionNorm, type Mode } from './layers';
import type { Scope } from './scope';
import type { Block } from './stages';

/**
 * A block of a ResNet (He et al., arXiv 1512.03385): convolutions with batch norm, `conv1`, `bn1` and so on, ReLU between
 * them, and the input's sum at the end; where that has another shape, through a 1x1 convolution called `shortcut`.
 */
export function residualBlock(
  scope: Scope,
  shapes: readonly ConvolutionShape[],
  { stride, shortcut: name = 'downsample' }: { readonly stride: number; readonly shortcut?: string },
): Block {
  const layers = shapes.map((shape, index) =>
    convolutionNorm({ convolution: scope.child(`conv${index + 1}`), norm: scope.child(`bn${index + 1}`) }, shape),
  );
  const inputs = shapes[0]?.inputs ?? 0;
  const outputs = shapes.at(-1)?.outputs ?? 0;
  const shortcut = stride !== 1 || inputs !== outputs ? scope.child(name) : undefined;
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

const threeByThree = { kernel: 3, padding: 1 } as const;

/** Two 3x3 convolutions, the first of them with the stride. */
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
