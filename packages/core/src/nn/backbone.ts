import type { Tensor2D, Tensor4D } from '../runtime/tensorflow';
import { type ImageSize, type Sides, sides } from '../system/image-size';
import type { LinearInitialisation, Mode } from './layers';
import type { Normalisation } from './normalisation';
import type { Scope } from './scope';

export interface BackboneOutput {
  /**
   * The feature maps [batch, h, w, c] that feature methods read: one after the stem, then one after each stage, before
   * pooling; at least four in all. A method pairs the student's maps with the teacher's in this order, stem with
   * stem and stage with stage, so a student works best with a teacher of as many stages and the same sizes.
   */
  readonly features: readonly Tensor4D[];
  /**
   * Only on request: the same maps before the last activation of their stage, as the reference returns them with
   * `preact=True`. The stem's map is the feature itself, and so is every map where stages end without an activation.
   */
  readonly preactivations?: readonly Tensor4D[];
  /** [batch, embeddingSize] */
  readonly embedding: Tensor2D;
}

export interface BackboneShape {
  /** The size of images: [batch, height, width, 3], normalised. */
  readonly inputSize: ImageSize;
  /** Multiplies every layer's channels; 1 is the published network. */
  readonly width: number;
  /** The wanted length of the embedding; architectures that fix it ignore this. */
  readonly embeddingSize?: number;
}

export interface ApplyOptions {
  /** Adds `preactivations` to the output. Their activations then run separately: a little more time and memory. */
  readonly preactivations?: boolean;
}

export interface Backbone {
  readonly embeddingSize: number;
  apply(images: Tensor4D, mode: Mode, options?: ApplyOptions): BackboneOutput;
}

export interface BackboneDefinition {
  readonly name: string;
  readonly aliases?: readonly string[];
  /** The published size of images. */
  readonly inputSize: number;
  /** The reference's normalisation of images; default: `symmetric`. */
  readonly normalisation?: Normalisation;
  /** The classifier's name in the reference's state dict; default: 'fc'. */
  readonly classifier?: string;
  /** The reference's initial values of the classifier; default: PyTorch's for linear layers. */
  readonly classifierInitialisation?: LinearInitialisation;
  build(scope: Scope, shape: BackboneShape): Backbone;
}

/** `channels` times the width, rounded to a multiple of `multiple` and at least one of it. */
export function scaled(channels: number, width: number, multiple = 1): number {
  return multiple * Math.max(1, Math.round((channels * width) / multiple));
}

/** The sides of a map after `count` layers of stride 2 that otherwise keep the size. */
export function halved(size: ImageSize, count: number): Sides {
  const { height, width } = sides(size);
  return { height: Math.ceil(height / 2 ** count), width: Math.ceil(width / 2 ** count) };
}
