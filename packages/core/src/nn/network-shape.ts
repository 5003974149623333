import { DType } from '../runtime/binding';
import { type Recording, trace } from '../runtime/compile/trace';
import { contained } from '../runtime/contained';
import type { Tensor4D } from '../runtime/tensorflow';
import type { Network } from './network';

/** The shapes of a network's outputs for one image. */
export interface NetworkShape {
  /** One for each map in `BackboneOutput.features`. */
  readonly features: readonly FeatureShape[];
  readonly embeddingSize: number;
}

/** The shape of a feature map, without the batch. */
export interface FeatureShape {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/** The shape of a map [batch, h, w, c]. */
export function featureShape(x: Tensor4D): FeatureShape {
  const [, height, width, channels] = x.shape;
  return { height, width, channels };
}

/** Records the operations of `body` on the pixels [1, size, size, 3] of one image, without computing them. */
export function recordOnImage<R>(network: Network, body: (pixels: Tensor4D) => R): Recording<R> {
  const { inputSize } = network.description;
  const given = network.variables().map(({ name, variable }) => ({ node: name, tensor: variable }));
  const pixels = { node: 'pixels', shape: [1, inputSize, inputSize, 3], dtype: DType.float32 };
  return contained(() => trace(`the shapes of ${network.root}`, given, [pixels], ([input]) => body(input as Tensor4D)));
}

/** The shapes of the network's outputs, without computing them. */
export function shapeOf(network: Network): NetworkShape {
  return recordOnImage(network, (pixels) => {
    const { features, embedding } = network.embed(pixels, 'eval');
    return { features: features.map(featureShape), embeddingSize: embedding.shape[1] };
  }).result;
}
