/** What the mobile networks of ImageNet have in common: a stem, inverted residual blocks, a last 1x1 convolution. */
import { globalAveragePool } from '../runtime/ops/pooling';
import type { Tensor, Tensor4D } from '../runtime/tensorflow';
import type { ApplyOptions, BackboneOutput } from './backbone';
import { type InvertedResidualShape, invertedResidual } from './inverted-residual';
import { type BatchNormShape, convolutionNorm, type Mode } from './layers';
import type { Scope } from './scope';

export interface MobileBlock extends Omit<InvertedResidualShape, 'inputs' | 'norm'> {
  /** Where its layers are numbered, below the scope of the features: `1.conv`. */
  readonly at: string;
}

export interface MobileShape {
  /** Channels of the stem. */
  readonly stem: number;
  readonly blocks: readonly MobileBlock[];
  /** The last convolution's place and channels. */
  readonly last: { readonly at: string; readonly outputs: number };
  /** After the stem and the last convolution. */
  readonly activation: <T extends Tensor>(x: T) => T;
  readonly norm?: BatchNormShape;
}

/**
 * Declares a mobile network in `scope`, whose embedding is the pooled last map [batch, last.outputs]. Features are one map
 * a resolution, from half the image's to a 32nd: what enters a block of stride 2, and the last block's output. Blocks end
 * without an activation, so that preactivations are the features.
 */
export function mobileNetwork(
  scope: Scope,
  { stem, blocks, last, activation, norm }: MobileShape,
): (images: Tensor4D, mode: Mode, options?: ApplyOptions) => BackboneOutput {
  const at = (place: Scope) => ({ convolution: place.child('0'), norm: place.child('1') });
  const first = convolutionNorm(
    at(scope.child('0')),
    { inputs: 3, outputs: stem, kernel: 3, stride: 2, padding: 1 },
    norm,
  );
  let inputs = stem;
  const stages: ReturnType<typeof invertedResidual>[][] = [[]];
  for (const block of blocks) {
    if (block.stride > 1) stages.push([]);
    stages.at(-1)?.push(invertedResidual(scope.child(block.at), { ...block, inputs, norm }));
    inputs = block.outputs;
  }
  const widen = convolutionNorm(at(scope.child(last.at)), { inputs, outputs: last.outputs }, norm);
  return (images, mode, { preactivations } = {}) => {
    let x = activation(first(images, mode));
    const features = stages.map((stage) => {
      x = stage.reduce((y, block) => block(y, mode), x);
      return x;
    });
    const embedding = globalAveragePool(activation(widen(x, mode)));
    return { features, embedding, ...(preactivations && { preactivations: features }) };
  };
}
