import type { Tensor2D, Tensor4D } from '../runtime/tensorflow';
import type { LinearInitialisation, Mode } from './layers';
import type { Normalisation } from './normalisation';
import type { Scope } from './scope';

export interface BackboneOutput {
  /** Maps [batch, h, w, c] after the stem and after each stage, before pooling: what feature methods read. */
  readonly features: readonly Tensor4D[];
  /**
   * The same maps before the last activation of their stage, where they were asked for. They are what the reference
   * gives with `preact=True`: the stem's map, and all of a network whose stages end without an activation, are the features.
   */
  readonly preactivations?: readonly Tensor4D[];
  /** [batch, embeddingSize] */
  readonly embedding: Tensor2D;
}

export interface BackboneShape {
  /** Images are [batch, inputSize, inputSize, 3], normalised. */
  readonly inputSize: number;
  /** Multiplies every layer's channels; 1 is the published network. */
  readonly width: number;
  /** Length of the embedding, where the architecture leaves it open; otherwise its own. */
  readonly embeddingSize?: number;
}

export interface ApplyOptions {
  /** Gives `preactivations` too. The activations of those layers are then computed apart: a little more time and memory. */
  readonly preactivations?: boolean;
}

export interface Backbone {
  readonly embeddingSize: number;
  apply(images: Tensor4D, mode: Mode, options?: ApplyOptions): BackboneOutput;
}

export interface BackboneDefinition {
  readonly name: string;
  readonly aliases?: readonly string[];
  /** The input size that it was published with. */
  readonly inputSize: number;
  /** How the reference normalises images; `symmetric` where left out. */
  readonly normalisation?: Normalisation;
  /** What the reference calls the classifier in its state dict; 'fc' where left out. */
  readonly classifier?: string;
  /** How the reference initialises the classifier; as PyTorch's linear layers are where left out. */
  readonly classifierInitialisation?: LinearInitialisation;
  build(scope: Scope, shape: BackboneShape): Backbone;
}

/** `channels` times the width as a whole multiple of `multiple`, at least one of it. */
export function scaled(channels: number, width: number, multiple = 1): number {
  return multiple * Math.max(1, Math.round((channels * width) / multiple));
}
