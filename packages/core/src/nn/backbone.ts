import type { Tensor2D, Tensor4D } from '../runtime/tensorflow';
import type { Mode } from './layers';
import type { Scope } from './scope';

export interface BackboneOutput {
  /** Maps [batch, h, w, c] after the stem and after each stage, before pooling: what feature methods read. */
  readonly features: readonly Tensor4D[];
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

export interface Backbone {
  readonly embeddingSize: number;
  apply(images: Tensor4D, mode: Mode): BackboneOutput;
}

export interface BackboneDefinition {
  readonly name: string;
  /** The input size that it was published with. */
  readonly inputSize: number;
  /** What the reference's state dict calls the classifier behind this backbone; `fc` unless told. */
  readonly classifier?: string;
  build(scope: Scope, shape: BackboneShape): Backbone;
}

/** `channels` times the width, at least 1, as whole numbers. */
export function scaled(channels: number, width: number): number {
  return Math.max(1, Math.round(channels * width));
}
